/// The form encoding of HTML (`application/x-www-form-urlencoded`) on bytes, written a second time for the platform's side:
/// were both sides to share one encoder, they would agree on its mistakes.
enum FormText {
    /// Percent-encodes as Java's URLEncoder does: letters, digits and `.-*_` stay, space becomes `+`.
    static func encode(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var encoded: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x2D, 0x2A, 0x5F: encoded.append(byte)
            case 0x20: encoded.append(0x2B)
            default:
                encoded.append(0x25)
                encoded.append(hexDigits[Int(byte >> 4)])
                encoded.append(hexDigits[Int(byte & 15)])
            }
        }
        return encoded
    }

    /// `name=value&…`, in the order given.
    static func body(_ parameters: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        var body: [UInt8] = []
        for (index, parameter) in parameters.enumerated() {
            if index > 0 { body.append(0x26) }
            body += encode(parameter.name) + [0x3D] + encode(parameter.value)
        }
        return body
    }

    /// Splits and decodes; nil when an escape is broken.
    static func parse(_ text: some Sequence<UInt8>) -> [(name: [UInt8], value: [UInt8])]? {
        var parameters: [(name: [UInt8], value: [UInt8])] = []
        for part in Array(text).split(separator: 0x26) {
            let cut = part.firstIndex(of: 0x3D) ?? part.endIndex
            guard let name = decode(part[..<cut]), let value = decode(part[cut...].dropFirst()) else { return nil }
            parameters.append((name, value))
        }
        return parameters
    }

    private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case 0x2B: decoded.append(0x20)
            case 0x25:
                guard index + 2 < text.endIndex, let high = nibble(text[index + 1]), let low = nibble(text[index + 2])
                else { return nil }
                decoded.append(high << 4 | low)
                index += 2
            case let byte: decoded.append(byte)
            }
            index += 1
        }
        return decoded
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)
}
