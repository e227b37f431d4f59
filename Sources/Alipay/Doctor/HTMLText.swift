/// The few character references that filters put in the place of characters.
enum HTMLText {
    private static let names: [(name: [UInt8], character: UInt8)] = [
        (Array("quot".utf8), UInt8(ascii: "\"")), (Array("amp".utf8), UInt8(ascii: "&")),
        (Array("lt".utf8), UInt8(ascii: "<")), (Array("gt".utf8), UInt8(ascii: ">")),
        (Array("apos".utf8), UInt8(ascii: "'")),
    ]

    /// With `&quot;`, `&amp;`, `&lt;`, `&gt;`, `&apos;` and the numbers of ASCII characters (`&#34;`, `&#x22;`) undone
    /// once; everything else stays.
    static func unescaped(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(UInt8(ascii: "&")) else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "&"), let (character, length) = reference(text, at: index + 1) {
                out.append(character)
                index += length + 1
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    /// With quotes, `&`, `<` and `>` as references, the quotes in one of two spellings.
    static func escaped(_ text: [UInt8], apostrophe: String?) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        for byte in text {
            switch byte {
            case UInt8(ascii: "&"): out += "&amp;".utf8
            case UInt8(ascii: "<"): out += "&lt;".utf8
            case UInt8(ascii: ">"): out += "&gt;".utf8
            case UInt8(ascii: "\""): out += "&quot;".utf8
            case UInt8(ascii: "'"): out += (apostrophe ?? "'").utf8
            default: out.append(byte)
            }
        }
        return out
    }

    /// What the reference that begins behind an `&` means, and its length with the semicolon.
    private static func reference(_ text: [UInt8], at start: Int) -> (character: UInt8, length: Int)? {
        // The longest that is known is `#x0022;`.
        let end = min(start + 8, text.count)
        guard start < end, let semicolon = text[start..<end].firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = text[start..<semicolon]
        let length = semicolon - start + 1
        if name.first == UInt8(ascii: "#") {
            let isHex = name.dropFirst().first.map { $0 | 0x20 == UInt8(ascii: "x") } ?? false
            let digits = String(decoding: name.dropFirst(isHex ? 2 : 1), as: UTF8.self)
            guard let code = Int(digits, radix: isHex ? 16 : 10), (1..<0x80).contains(code) else { return nil }
            return (UInt8(code), length)
        }
        return names.first { name.elementsEqual($0.name) }.map { ($0.character, length) }
    }
}
