import COpenSSL

/// Digests of bytes, and their hexadecimal spelling.
public enum Digest {
    /// The SHA-256 of the bytes: always 32 bytes.
    @inlinable public static func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousBytes { sha256($0) }
    }

    /// The SHA-256 of one run of memory.
    public static func sha256(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { result, count in
            var length: UInt32 = 0
            let done = EVP_Digest(
                content.baseAddress, content.count, result.baseAddress, &length, MessageDigest.sha256.pointer, nil)
            // SHA-256 over memory has no way to fail; were it ever so, no digest may pass for one.
            precondition(done == 1 && length == 32, "OpenSSL cannot compute SHA-256")
            count = 32
        }
    }

    /// The bytes in lower-case hexadecimal, two characters a byte.
    public static func hex(_ bytes: some Collection<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            var end = 0
            for byte in bytes {
                text[end] = digits[Int(byte >> 4)]
                text[end + 1] = digits[Int(byte & 15)]
                end += 2
            }
            return end
        }
    }
}

extension Collection<UInt8> {
    /// Gives the bytes as one run of memory, without a copy where they already are one.
    ///
    /// What is generic over collections is only this step, and inlined: between modules it would otherwise be called through
    /// witness tables, which took a thirtieth of all time of a notification.
    @inlinable package func withContiguousBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        withContiguousStorageIfAvailable(body) ?? Array(self).withUnsafeBufferPointer(body)
    }
}
