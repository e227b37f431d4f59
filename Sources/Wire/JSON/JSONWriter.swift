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
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0x0D: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case 0x09: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(contentsOf: Array("\\u00".utf8))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
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
