/// Reads the XML that TOP's gateway writes, and refuses everything that makes XML dangerous.
///
/// Accepted: UTF-8 with or without a declaration, elements, attributes, comments, CDATA, the five predefined entities and
/// character references. Refused: a document type (and with it every entity of its own), any other entity, processing
/// instructions, nesting beyond ``maximumDepth``, more than ``maximumBytes`` or ``maximumAttributes``, and whatever XML 1.0 calls not well-formed.
struct XMLReader {
    static let maximumDepth = 32
    static let maximumBytes = 1 << 20
    /// Of one element; none of TOP's has more than two.
    static let maximumAttributes = 32

    private let bytes: [UInt8]
    private var at = 0

    /// The outermost element.
    static func root(of bytes: [UInt8]) throws(XMLError) -> XMLElement {
        guard bytes.count <= maximumBytes else { throw XMLError(code: .tooLarge, offset: maximumBytes) }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XMLError(code: .notUTF8, offset: 0) }
        var reader = XMLReader(bytes)
        _ = reader.takes("\u{FEFF}")
        try reader.declaration()
        try reader.miscellany()
        let root = try reader.element(depth: 0)
        try reader.miscellany()
        guard reader.at == bytes.count else { throw reader.error(.trailing) }
        return root
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    // MARK: Around the root

    /// `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`, of which the encoding must be the one that it has.
    private mutating func declaration() throws(XMLError) {
        guard starts("<?xml"), at + 5 < bytes.count, isSpace(bytes[at + 5]) else { return }
        at += 5
        let attributes = try attributes()
        guard takes("?>") else { throw error(.syntax) }
        guard attributes.first?.name == "version", attributes.allSatisfy(Self.isDeclared) else { throw error(.syntax) }
    }

    private static func isDeclared(_ attribute: XMLElement.Attribute) -> Bool {
        switch attribute.name {
        case "version": attribute.value == "1.0"
        case "encoding": ["utf-8", "utf8"].contains(attribute.value.lowercased())
        case "standalone": ["yes", "no"].contains(attribute.value)
        default: false
        }
    }

    /// White space and comments; all else that may stand here in XML is refused by its name.
    private mutating func miscellany() throws(XMLError) {
        while true {
            skipSpace()
            if starts("<!--") {
                try comment()
            } else if starts("<!") {
                throw error(.doctype)
            } else if starts("<?") {
                throw error(.instruction)
            } else {
                return
            }
        }
    }

    private mutating func comment() throws(XMLError) {
        at += 4
        while at < bytes.count {
            if starts("--") {
                guard takes("-->") else { throw error(.syntax) }
                return
            }
            try checkCharacter()
            at += 1
        }
        throw error(.syntax)
    }

    // MARK: Elements

    private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
        guard depth < Self.maximumDepth else { throw error(.tooDeep) }
        guard takes("<") else { throw error(.syntax) }
        var element = XMLElement(name: try name())
        element.attributes = try attributes()
        if takes("/>") { return element }
        guard takes(">") else { throw error(.syntax) }
        var text: [UInt8] = []
        while true {
            try characters(into: &text)
            if takes("</") { break }
            if starts("<!--") {
                try comment()
            } else if starts("<![CDATA[") {
                try section(into: &text)
            } else if starts("<!") {
                throw error(.doctype)
            } else if starts("<?") {
                throw error(.instruction)
            } else {
                element.children.append(try self.element(depth: depth + 1))
            }
        }
        guard try name() == element.name else { throw error(.mismatchedTag) }
        skipSpace()
        guard takes(">") else { throw error(.syntax) }
        element.text = String(decoding: text, as: UTF8.self)
        return element
    }

    /// ` name="value"` as often as it comes; the space before each is needed, the space after the last is taken too.
    private mutating func attributes() throws(XMLError) -> [XMLElement.Attribute] {
        var attributes: [XMLElement.Attribute] = []
        while true {
            let hadSpace = skipSpace()
            guard let byte = next, isNameStart(byte) else { return attributes }
            guard hadSpace else { throw error(.syntax) }
            let name = try name()
            skipSpace()
            guard takes("=") else { throw error(.syntax) }
            skipSpace()
            let value = try quoted()
            guard attributes.count < Self.maximumAttributes else { throw error(.tooLarge) }
            guard !attributes.contains(where: { $0.name == name }) else { throw error(.duplicateAttribute) }
            attributes.append(XMLElement.Attribute(name: name, value: value))
        }
    }

    private mutating func quoted() throws(XMLError) -> String {
        guard let quote = next, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw error(.syntax) }
        at += 1
        var value: [UInt8] = []
        while let byte = next {
            switch byte {
            case quote:
                at += 1
                return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "<"): throw error(.syntax)
            case UInt8(ascii: "&"): try reference(into: &value)
            default:
                try checkCharacter()
                // Attribute values are normalised: a line break or a tab in one is a blank.
                value.append(isSpace(byte) ? 0x20 : byte)
                at += 1
            }
        }
        throw error(.syntax)
    }

    // MARK: Character data

    /// Text up to the next `<`; there is no end of an answer inside an element.
    private mutating func characters(into text: inout [UInt8]) throws(XMLError) {
        while let byte = next {
            switch byte {
            case UInt8(ascii: "<"): return
            case UInt8(ascii: "&"): try reference(into: &text)
            default:
                guard !starts("]]>") else { throw error(.syntax) }
                try appendCharacter(byte, to: &text)
            }
        }
        throw error(.syntax)
    }

    private mutating func section(into text: inout [UInt8]) throws(XMLError) {
        at += "<![CDATA[".utf8.count
        while let byte = next {
            if takes("]]>") { return }
            try appendCharacter(byte, to: &text)
        }
        throw error(.syntax)
    }

    /// A line ends with LF, however it was written.
    private mutating func appendCharacter(_ byte: UInt8, to text: inout [UInt8]) throws(XMLError) {
        try checkCharacter()
        at += 1
        if byte == 0x0D {
            if next == 0x0A { at += 1 }
            text.append(0x0A)
        } else {
            text.append(byte)
        }
    }

    private static let entities: [(reference: StaticString, byte: UInt8)] = [
        ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")), ("&amp;", UInt8(ascii: "&")),
        ("&apos;", UInt8(ascii: "'")), ("&quot;", UInt8(ascii: "\"")),
    ]

    private mutating func reference(into text: inout [UInt8]) throws(XMLError) {
        for entity in Self.entities where takes(entity.reference) {
            text.append(entity.byte)
            return
        }
        guard takes("&#") else { throw error(.entity) }
        let radix: UInt32 = takes("x") ? 16 : 10
        var code: UInt32 = 0
        var digits = 0
        while let digit = next.flatMap(digitValue), digit < radix {
            code = code * radix + digit
            digits += 1
            at += 1
            guard digits <= 7 else { throw error(.illegalCharacter) }
        }
        guard digits > 0, takes(";") else { throw error(.syntax) }
        guard let scalar = Unicode.Scalar(code), Self.isLegal(scalar) else { throw error(.illegalCharacter) }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    /// XML 1.0, production 2.
    private static func isLegal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    /// The byte here begins or continues a character that XML allows; the whole is known to be UTF-8.
    private func checkCharacter() throws(XMLError) {
        let byte = bytes[at]
        if byte < 0x20, byte != 0x9, byte != 0xA, byte != 0xD { throw error(.illegalCharacter) }
        // U+FFFE and U+FFFF.
        if byte == 0xEF, at + 2 < bytes.count, bytes[at + 1] == 0xBF, bytes[at + 2] >= 0xBE {
            throw error(.illegalCharacter)
        }
    }

    // MARK: Small things

    private mutating func name() throws(XMLError) -> String {
        let start = at
        guard let first = next, isNameStart(first) else { throw error(.syntax) }
        while let byte = next,
            isNameStart(byte) || isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        {
            at += 1
        }
        guard at - start <= 256 else { throw error(.tooLarge) }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private func isNameStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func digitValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x9 || byte == 0xA || byte == 0xD }

    @discardableResult
    private mutating func skipSpace() -> Bool {
        let start = at
        while let byte = next, isSpace(byte) { at += 1 }
        return at > start
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func starts(_ word: StaticString) -> Bool {
        word.withUTF8Buffer { word in
            at + word.count <= bytes.count && bytes[at..<(at + word.count)].elementsEqual(word)
        }
    }

    private mutating func takes(_ word: StaticString) -> Bool {
        guard starts(word) else { return false }
        at += word.utf8CodeUnitCount
        return true
    }

    private func error(_ code: XMLError.Code) -> XMLError { XMLError(code: code, offset: at) }
}
