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
        let padding = text[text.count - 1] != pad ? 0 : text[text.count - 2] != pad ? 1 : 2
        let whole = text.count / 4 - (padding == 0 ? 0 : 1)
        var isSound = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { bytes, count in
            Self.values.withUnsafeBufferPointer { values in
                // What is no character of the alphabet is 255, so one look at the end tells of all.
                var seen: UInt8 = 0
                func bits(_ first: Int, _ digits: Int) -> UInt32 {
                    var bits: UInt32 = 0
                    for index in first..<first + digits {
                        let value = values[Int(text[index])]
                        seen |= value
                        bits = bits << 6 | UInt32(value & 63)
                    }
                    return bits
                }
                for group in 0..<whole {
                    let bits = bits(group * 4, 4)
                    bytes[count] = UInt8(truncatingIfNeeded: bits >> 16)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                    bytes[count + 2] = UInt8(truncatingIfNeeded: bits)
                    count += 3
                }
                if padding == 1 {
                    let bits = bits(whole * 4, 3)
                    isSound = bits & 0b11 == 0
                    bytes[count] = UInt8(truncatingIfNeeded: bits >> 10)
                    bytes[count + 1] = UInt8(truncatingIfNeeded: bits >> 2)
                    count += 2
                } else if padding == 2 {
                    let bits = bits(whole * 4, 2)
                    isSound = bits & 0b1111 == 0
                    bytes[count] = UInt8(truncatingIfNeeded: bits >> 4)
                    count += 1
                }
                isSound = isSound && seen < 64
            }
        }
        return isSound ? bytes : nil
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
