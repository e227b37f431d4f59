/// Reads JSON (RFC 8259, nothing beyond it) from bytes, and can say where a value stood in them.
///
/// It has two uses. ``topLevel(of:pairedBytes:)`` walks a whole answer and records the byte range of each top-level
/// value, so that a signature can be checked over exactly the bytes that were signed; ``value(of:)`` builds a
/// ``JSONValue`` from UTF-8. Equal keys in one object, anything after the value, nesting beyond ``maximumDepth`` and
/// every leniency known from other parsers (comments, trailing commas, `NaN`, `01`, raw control characters) are refused.
package struct JSONScanner {
    package static let maximumDepth = 64

    private let bytes: [UInt8]
    private var at = 0
    /// True for GBK: a byte from 0x81 opens a pair whose second byte may be an ASCII `\`, `{` or `}`.
    private let pairedBytes: Bool

    private init(_ bytes: [UInt8], pairedBytes: Bool) {
        self.bytes = bytes
        self.pairedBytes = pairedBytes
    }

    // MARK: The two ways in

    /// A member of the outermost object: its key, decoded, and the bytes of its value, quotes and braces included.
    package struct Member: Hashable {
        package let key: String
        package let range: Range<Int>
    }

    /// The members of the outermost object, every value checked for syntax and none of them built.
    ///
    /// The caller has made sure that `bytes` are valid in their charset; `pairedBytes` says that it is GBK.
    ///
    /// - Parameter allowsEqualKeys: for diagnosis, of which nothing is believed: lists all of several equal keys.
    package static func topLevel(
        of bytes: [UInt8], pairedBytes: Bool, allowsEqualKeys: Bool = false
    ) throws(JSONError) -> [Member] {
        var scanner = JSONScanner(bytes, pairedBytes: pairedBytes)
        scanner.skipSpace()
        guard scanner.next == UInt8(ascii: "{") else { throw scanner.error(.notAnObject) }
        var members: [Member] = []
        var keys = KeySet()
        try scanner.members { (scanner: inout JSONScanner, key: String) throws(JSONError) in
            guard keys.insert(key) || allowsEqualKeys else { throw scanner.error(.duplicateKey) }
            let start = scanner.at
            try scanner.skipValue(depth: 1)
            members.append(Member(key: key, range: start..<scanner.at))
        }
        try scanner.expectEnd()
        return members
    }

    /// The value of a whole text. The bytes are UTF-8.
    package static func value(of bytes: [UInt8]) throws(JSONError) -> JSONValue {
        guard bytes.isValidUTF8 else { throw JSONError(code: .notInCharset, offset: 0) }
        var scanner = JSONScanner(bytes, pairedBytes: false)
        scanner.skipSpace()
        let value = try scanner.value(depth: 0)
        try scanner.expectEnd()
        return value
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        switch next {
        case UInt8(ascii: "{"):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            var read: [JSONObject.Member] = []
            var keys = KeySet()
            try members { (scanner: inout JSONScanner, key: String) throws(JSONError) in
                guard keys.insert(key) else { throw scanner.error(.duplicateKey) }
                read.append(JSONObject.Member(key: key, value: try scanner.value(depth: depth + 1)))
            }
            return .object(JSONObject(members: read))
        case UInt8(ascii: "["):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            var read: [JSONValue] = []
            try elements { (scanner: inout JSONScanner) throws(JSONError) in
                read.append(try scanner.value(depth: depth + 1))
            }
            return .array(read)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): try literal("true"); return .bool(true)
        case UInt8(ascii: "f"): try literal("false"); return .bool(false)
        case UInt8(ascii: "n"): try literal("null"); return .null
        default: return .number(String(decoding: bytes[try number()], as: UTF8.self))
        }
    }

    /// As `value`, without building anything. Equal keys inside are left to the reader of the verified part.
    private mutating func skipValue(depth: Int) throws(JSONError) {
        switch next {
        case UInt8(ascii: "{"):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            try skipMembers(depth: depth)
        case UInt8(ascii: "["):
            guard depth < Self.maximumDepth else { throw error(.tooDeep) }
            try elements { (scanner: inout JSONScanner) throws(JSONError) in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try skipString()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: _ = try number()
        }
    }

    /// `{` key `:` value `,` … `}`; the body reads the value. Stands behind the `}` afterwards.
    private mutating func members(
        _ body: (inout JSONScanner, String) throws(JSONError) -> Void
    ) throws(JSONError) {
        at += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipSpace()
            let key = try string()
            try expectColon()
            try body(&self, key)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw error(.syntax) }
    }

    private mutating func skipMembers(depth: Int) throws(JSONError) {
        at += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipSpace()
            _ = try skipString()
            try expectColon()
            try skipValue(depth: depth + 1)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw error(.syntax) }
    }

    private mutating func elements(_ body: (inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        at += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return }
        repeat {
            skipSpace()
            try body(&self)
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw error(.syntax) }
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        let start = at
        let hasEscapes = try skipString()
        let inside = bytes[(start + 1)..<(at - 1)]
        guard hasEscapes else { return String(decoding: inside, as: UTF8.self) }
        return Self.unescaped(inside, pairedBytes: pairedBytes)
    }

    /// Steps over a string, checking it, and says whether it has escapes.
    private mutating func skipString() throws(JSONError) -> Bool {
        guard take(UInt8(ascii: "\"")) else { throw error(.syntax) }
        var hasEscapes = false
        while true {
            at = endOfPlainRun(from: at)
            switch next {
            case UInt8(ascii: "\""):
                at += 1
                return hasEscapes
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape()
            case let byte? where byte > 0x80:
                // Half a pair at the end is a text without an end.
                at = min(at + 2, bytes.count)
            default: throw error(.syntax)
            }
        }
    }

    /// Where the first byte from `start` stands that is not simply part of a text: a quote, a backslash, a control character
    /// and, of paired bytes, the first of a pair. The end of the text when there is none.
    private func endOfPlainRun(from start: Int) -> Int {
        bytes.withUnsafeBytes { bytes in
            var at = start
            // Most bytes of an answer pass here, so they are looked at eight at a time: a bit is set in a byte that is to be
            // found, and the lowest one is exact.
            while at + 8 <= bytes.count {
                // Within the text, by the condition above; any address will do for an unaligned load.
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                let found =
                    Self.below(0x01, word ^ Self.each(UInt8(ascii: "\""))) | Self.below(0x20, word)
                    | Self.below(0x01, word ^ Self.each(UInt8(ascii: "\\")))
                    | (pairedBytes ? word & Self.each(0x80) : 0)
                if found != 0 { break }
                at += 8
            }
            while at < bytes.count {
                let byte = bytes[at]
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
                if pairedBytes, byte > 0x80 { break }
                at += 1
            }
            return at
        }
    }

    private static func each(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 * UInt64(byte) }

    /// The highest bit of each byte of `word` that is below `limit`, at most 0x80; above the lowest such byte others may be
    /// marked too.
    private static func below(_ limit: UInt8, _ word: UInt64) -> UInt64 { (word &- each(limit)) & ~word & each(0x80) }

    private mutating func skipEscape() throws(JSONError) {
        at += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 1
        case UInt8(ascii: "u"):
            at += 1
            for _ in 0..<4 {
                guard let digit = next, hexValue(digit) != nil else { throw error(.syntax) }
                at += 1
            }
        default: throw error(.syntax)
        }
    }

    /// The text of a string that `skipString` has found sound. Half a surrogate pair, which a sender makes when it cuts
    /// a text in the middle of a character, reads as U+FFFD: the bytes that count are the signed ones, kept elsewhere.
    private static func unescaped(_ inside: ArraySlice<UInt8>, pairedBytes: Bool) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(inside.count)
        var at = inside.startIndex
        while at < inside.endIndex {
            guard inside[at] == UInt8(ascii: "\\") else {
                let width = pairedBytes && inside[at] > 0x80 ? 2 : 1
                out.append(contentsOf: inside[at..<min(at + width, inside.endIndex)])
                at += width
                continue
            }
            let letter = inside[at + 1]
            at += 2
            switch letter {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                var code = fourHexDigits(inside, at)
                at += 4
                if (0xD800..<0xDC00).contains(code), at + 6 <= inside.endIndex,
                    inside[at] == UInt8(ascii: "\\"), inside[at + 1] == UInt8(ascii: "u")
                {
                    let low = fourHexDigits(inside, at + 2)
                    if (0xDC00..<0xE000).contains(low) {
                        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                        at += 6
                    }
                }
                let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
                out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: out.append(letter)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func fourHexDigits(_ bytes: ArraySlice<UInt8>, _ at: Int) -> UInt32 {
        var code: UInt32 = 0
        for byte in bytes[at..<(at + 4)] { code = code << 4 | UInt32(hexValue(byte) ?? 0) }
        return code
    }

    // MARK: Numbers and small things

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`, as a range: nobody here computes with it.
    private mutating func number() throws(JSONError) -> Range<Int> {
        let start = at
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return start..<at
    }

    private mutating func digits() throws(JSONError) {
        guard let first = next, isDigit(first) else { throw error(.syntax) }
        while let digit = next, isDigit(digit) { at += 1 }
    }

    private mutating func literal(_ word: StaticString) throws(JSONError) {
        for byte in UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount) {
            guard take(byte) else { throw error(.syntax) }
        }
    }

    private mutating func expectColon() throws(JSONError) {
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw error(.syntax) }
        skipSpace()
    }

    private mutating func expectEnd() throws(JSONError) {
        skipSpace()
        guard at == bytes.count else { throw error(.syntax) }
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        at += 1
        return true
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func error(_ code: JSONError.Code) -> JSONError { JSONError(code: code, offset: at) }
}

/// Remembers the keys of one object: a short list while there are few, a set once a stranger sends thousands.
private struct KeySet {
    private var few: [String] = []
    private var many: Set<String> = []

    /// False when the key was there already.
    mutating func insert(_ key: String) -> Bool {
        if !many.isEmpty { return many.insert(key).inserted }
        if few.contains(key) { return false }
        few.append(key)
        if few.count > 16 { many = Set(few) }
        return true
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

private func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

extension Array where Element == UInt8 {
    /// Whether the bytes are well-formed UTF-8; ASCII is seen at a glance.
    package var isValidUTF8: Bool {
        if withUnsafeBytes(isASCII) { return true }
        return String(validating: self, as: UTF8.self) != nil
    }
}

/// Eight bytes at a time.
private func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at + 8 <= bytes.count {
        // Within the bytes, by the condition above.
        if bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
        at += 8
    }
    return bytes[at...].allSatisfy { $0 < 0x80 }
}
