/// Base64 as RFC 4648 section 4 writes it: the standard alphabet, with padding, and one spelling for each value.
public enum Base64 {
    /// The bytes that `text` spells, or nil where it is not exactly what an encoder would have written: blanks, line
    /// ends, the URL alphabet, missing or superfluous padding and stray bits in the last character are all refused.
    @inlinable public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        text.withContiguousBytes { decode($0) }
    }

    /// ``decode(_:)`` of one run of memory.
    public static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        guard !text.isEmpty else { return [] }
        let values = Self.values
        let padding = text[text.count - 1] != pad ? 0 : text[text.count - 2] != pad ? 1 : 2
        let digits = text.count - padding
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        for index in 0..<digits {
            let value = values[Int(text[index])]
            guard value < 64 else { return nil }
            bits = bits << 6 | UInt32(value)
            if index & 3 == 3 {
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
                bytes.append(UInt8(truncatingIfNeeded: bits))
            }
        }
        switch padding {
        case 1:
            guard bits & 0b11 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
        case 2:
            guard bits & 0b1111 == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        default:
            break
        }
        return bytes
    }

    /// ``decode(_:)`` for a text.
    public static func decode(_ text: String) -> [UInt8]? {
        decode(text.utf8)
    }

    /// The bytes in Base64, in one line, padded.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        bytes.withContiguousBytes { bytes in
            String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { text in
                var end = 0
                for start in stride(from: 0, to: bytes.count, by: 3) {
                    let count = min(3, bytes.count - start)
                    var bits = UInt32(bytes[start]) << 16
                    if count > 1 { bits |= UInt32(bytes[start + 1]) << 8 }
                    if count > 2 { bits |= UInt32(bytes[start + 2]) }
                    text[end] = alphabet[Int(bits >> 18)]
                    text[end + 1] = alphabet[Int(bits >> 12 & 63)]
                    text[end + 2] = count > 1 ? alphabet[Int(bits >> 6 & 63)] : pad
                    text[end + 3] = count > 2 ? alphabet[Int(bits & 63)] : pad
                    end += 4
                }
                return end
            }
        }
    }

    private static let pad = UInt8(ascii: "=")
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The six bits of each character; 255 where there are none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}
