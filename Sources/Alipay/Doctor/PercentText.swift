/// Percent-encoding as forgiving readers and the usual writers treat it.
enum PercentText {
    /// Decoded once; what is no escape stands for itself.
    static func decoded(_ text: [UInt8], plusIsBlank: Bool = true) -> [UInt8] {
        guard text.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: "%"), index + 2 < text.count, let high = hexDigit(text[index + 1]),
                let low = hexDigit(text[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(byte == UInt8(ascii: "+") && plusIsBlank ? 0x20 : byte)
                index += 1
            }
        }
        return out
    }

    /// How a writer encodes.
    struct Style: Sendable, Hashable {
        /// Whether a blank becomes `+` rather than `%20`.
        let blankIsPlus: Bool
        let upperCase: Bool
        /// What stays beside letters, digits and `-._`.
        let kept: Set<UInt8>

        /// Java's URLEncoder, PHP's urlencode.
        static let form = Style(blankIsPlus: true, upperCase: true, kept: [UInt8(ascii: "*")])
        /// RFC 3986.
        static let rfc3986 = Style(blankIsPlus: false, upperCase: true, kept: [UInt8(ascii: "~")])
        /// JavaScript's encodeURIComponent.
        static let javaScript = Style(
            blankIsPlus: false, upperCase: true, kept: Set("*~!'()".utf8))
        /// .NET's HttpUtility.UrlEncode.
        static let dotNET = Style(blankIsPlus: true, upperCase: false, kept: Set("*!()".utf8))

        static let all = [form, rfc3986, javaScript, dotNET]
    }

    static func encoded(_ text: [UInt8], _ style: Style) -> [UInt8] {
        let digits = Array((style.upperCase ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        for byte in text {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                out.append(byte)
            case 0x20 where style.blankIsPlus: out.append(UInt8(ascii: "+"))
            case _ where style.kept.contains(byte): out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return out
    }

    static func hexDigit(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
