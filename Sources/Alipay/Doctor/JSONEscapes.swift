/// The escapes of JSON strings, undone or made without a look at the JSON around them.
enum JSONEscapes {
    /// With every escape as the character that it stands for, in UTF-8; what is no escape stays.
    static func undone(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(UInt8(ascii: "\\")) else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
                out.append(text[index])
                index += 1
                continue
            }
            switch text[index + 1] {
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(text[index + 1])
            case UInt8(ascii: "u"):
                guard let (scalar, length) = scalar(text, at: index) else {
                    out.append(text[index])
                    index += 1
                    continue
                }
                out += Array(String(Character(scalar)).utf8)
                index += length
                continue
            default:
                out.append(text[index])
                index += 1
                continue
            }
            index += 2
        }
        return out
    }

    /// With every `/` as `\/` that is not one already.
    static func slashes(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count {
                out += text[index...(index + 1)]
                index += 2
                continue
            }
            if text[index] == UInt8(ascii: "/") { out.append(UInt8(ascii: "\\")) }
            out.append(text[index])
            index += 1
        }
        return out
    }

    /// With every `\/` as `/`.
    static func withoutSlashes(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "\\"), index + 1 < text.count {
                if text[index + 1] != UInt8(ascii: "/") { out.append(text[index]) }
                out.append(text[index + 1])
                index += 2
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    /// With every character beyond ASCII as `\uXXXX`; nil where the bytes are not UTF-8.
    static func unicode(_ text: [UInt8], upperCase: Bool) -> [UInt8]? {
        guard let decoded = String(validating: text, as: UTF8.self) else { return nil }
        let digits = Array((upperCase ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        for unit in decoded.utf16 {
            if unit < 0x80 {
                out.append(UInt8(unit))
            } else {
                out += "\\u".utf8
                for shift in stride(from: 12, through: 0, by: -4) { out.append(digits[Int(unit >> shift & 15)]) }
            }
        }
        return out
    }

    /// The character that `\uXXXX`, or a pair of them, stands for, and the length of the escape.
    private static func scalar(_ text: [UInt8], at start: Int) -> (Unicode.Scalar, length: Int)? {
        guard let high = unit(text, at: start) else { return nil }
        if let scalar = Unicode.Scalar(high) { return (scalar, 6) }
        guard (0xD800..<0xDC00).contains(high), let low = unit(text, at: start + 6), (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        else { return nil }
        return (scalar, 12)
    }

    private static func unit(_ text: [UInt8], at start: Int) -> UInt32? {
        guard start + 6 <= text.count, text[start] == UInt8(ascii: "\\"), text[start + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var unit: UInt32 = 0
        for digit in text[(start + 2)..<(start + 6)] {
            guard let value = PercentText.hexDigit(digit) else { return nil }
            unit = unit << 4 | UInt32(value)
        }
        return unit
    }
}
