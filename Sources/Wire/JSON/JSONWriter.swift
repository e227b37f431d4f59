/// A JSON text that is written once, in the order of the calls, from strings and integers.
///
/// Feed payloads are hashed as bytes, so their text must not depend on a library's mood: members appear in the order in
/// which they are written, without white space, and only what RFC 8259 requires is escaped.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    package var string: String { String(decoding: bytes, as: UTF8.self) }

    package mutating func object(_ name: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
        begin(name)
        nested(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), body)
    }

    package mutating func array(_ name: StaticString? = nil, _ body: (inout JSONWriter) -> Void) {
        begin(name)
        nested(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), body)
    }

    package mutating func member(_ name: StaticString, _ value: String) {
        begin(name)
        quote(value.utf8)
        needsComma = true
    }

    /// Writes `null` for nil, so that a reader always finds the member.
    package mutating func member(_ name: StaticString, orNull value: String?) {
        if let value { member(name, value) } else { member(name, raw: "null") }
    }

    package mutating func member(_ name: StaticString, _ value: Int64) { member(name, raw: String(value)) }

    package mutating func member(_ name: StaticString, orNull value: Int64?) {
        member(name, raw: value.map { String($0) } ?? "null")
    }

    package mutating func element(_ value: String) {
        begin(nil)
        quote(value.utf8)
        needsComma = true
    }

    package mutating func member(_ name: StaticString, _ value: Bool) { member(name, raw: value ? "true" : "false") }

    /// Writes `text` as it stands: it must be JSON already.
    package mutating func member(_ name: StaticString, raw text: String) {
        begin(name)
        bytes.append(contentsOf: text.utf8)
        needsComma = true
    }

    /// Writes UTF-8 bytes as they stand: they must be JSON already.
    package mutating func member(_ name: StaticString, raw text: [UInt8]) {
        begin(name)
        bytes.append(contentsOf: text)
        needsComma = true
    }

    /// Writes an element that is JSON already.
    package mutating func element(raw text: some Sequence<UInt8>) {
        begin(nil)
        bytes.append(contentsOf: text)
        needsComma = true
    }

    /// Writes UTF-8 bytes as a string member.
    package mutating func member(_ name: StaticString, utf8 value: some Sequence<UInt8>) {
        begin(name)
        quote(value)
        needsComma = true
    }

    /// The same for bytes that lie elsewhere, such as a database's answer; `null` for nil.
    package mutating func member(_ name: StaticString, utf8 value: UnsafeRawBufferPointer?) {
        guard let value else { return member(name, raw: "null") }
        begin(name)
        bytes.append(UInt8(ascii: "\""))
        escape(value)
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes bytes as a string member, two lower-case hexadecimal digits each.
    package mutating func member(_ name: StaticString, hex value: UnsafeRawBufferPointer) {
        begin(name)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(addingCapacity: value.count * 2) { text in
            for byte in value {
                text.append(Self.digit(byte >> 4))
                text.append(Self.digit(byte & 15))
            }
        }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    /// Writes an object that was written before, without the closing braces; its further members follow, then
    /// ``endObject()`` for each brace.
    package mutating func resumeObject(_ text: UnsafeRawBufferPointer, as name: StaticString? = nil) {
        begin(name)
        bytes.append(contentsOf: text)
        needsComma = true
    }

    /// Closes an object that ``resumeObject(_:as:)`` left open.
    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
        needsComma = true
    }

    private mutating func nested(open: UInt8, close: UInt8, _ body: (inout JSONWriter) -> Void) {
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }

    private mutating func begin(_ name: StaticString?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        guard let name else { return }
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func quote(_ utf8: some Sequence<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        if utf8.withContiguousStorageIfAvailable({ escape(UnsafeRawBufferPointer($0)) }) == nil {
            Array(utf8).withUnsafeBytes { escape($0) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A text in which nothing but quotes and backslashes needs an escape is written in one pass without a branch: a
    /// backslash goes before each byte, and the byte goes over it unless the backslash is to stay. The JSON texts of a feed
    /// have a quote at every tenth byte, which no processor foresees.
    private mutating func escape(_ utf8: UnsafeRawBufferPointer) {
        var isWritten = true
        bytes.append(addingCapacity: utf8.count * 2) { text in
            text.withUnsafeMutableBufferPointer { free, filled in
                var end = filled
                var lowest: UInt8 = 0xFF
                for byte in utf8 {
                    free[end] = UInt8(ascii: "\\")
                    end &+= byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 1 : 0
                    free[end] = byte
                    end &+= 1
                    lowest = min(lowest, byte)
                }
                // With a control character in it, what was written does not count.
                isWritten = lowest >= 0x20
                if isWritten { filled = end }
            }
        }
        if !isWritten { escapeControls(utf8) }
    }

    private mutating func escapeControls(_ utf8: UnsafeRawBufferPointer) {
        for byte in utf8 {
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                bytes.append(byte)
            } else if let letter = Self.letter(for: byte) {
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(letter)
            } else {
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(Self.digit(byte >> 4))
                bytes.append(Self.digit(byte & 15))
            }
        }
    }

    /// What stands behind the backslash for `byte`; nil where the number of the character must.
    private static func letter(for byte: UInt8) -> UInt8? {
        switch byte {
        case 0x0A: UInt8(ascii: "n")
        case 0x0D: UInt8(ascii: "r")
        case 0x09: UInt8(ascii: "t")
        case 0..<0x20: nil
        default: byte
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension JSONWriter {
    /// A text as a JSON string by itself, quotes included.
    package static func string(_ text: String) -> String {
        var json = JSONWriter(capacity: text.utf8.count + 2)
        json.quote(text.utf8)
        return json.string
    }
}
