/// Writes JSON text byte by byte, for lines that must be valid whatever an outsider put into them.
///
/// Strings are cut at a limit, on a whole character of Unicode, and end in `…` then. Escaped are the quote, the backslash and every control
/// character, C1 and the line and paragraph separators among them, so that no reader and no terminal sees a second line.
public struct JSONText: Sendable {
    public fileprivate(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// A JSON string of at most `limit` bytes of UTF-8 before escaping.
    public mutating func string(_ text: String, limit: Int = .max) {
        bytes.append(UInt8(ascii: "\""))
        var used = 0
        for scalar in text.unicodeScalars {
            used += UTF8.width(scalar)
            guard used <= limit else {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            append(scalar)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22: raw("\\\"")
        case 0x5C: raw("\\\\")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029: escaped(scalar.value)
        default: bytes.append(contentsOf: Unicode.UTF8.encode(scalar) ?? Unicode.UTF8.encodedReplacementCharacter)
        }
    }

    private mutating func escaped(_ value: UInt32) {
        raw("\\u")
        for shift in [12, 8, 4, 0] as [UInt32] {
            let digit = UInt8((value >> shift) & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension JSONText {
    /// Digits that the caller knows to be a JSON number.
    mutating func number(_ digits: String) {
        bytes.append(contentsOf: digits.utf8)
    }
}

extension JSONText {
    /// A JSON string, or `null`.
    public mutating func string(_ text: String?) {
        if let text { string(text, limit: .max) } else { raw("null") }
    }

    /// A whole number.
    public mutating func number(_ value: some BinaryInteger) {
        number(value.description)
    }

    /// All that was written so far.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
