import COpenSSL
import Wire

/// The key of the console's "content encryption": AES in CBC mode with an initial vector of zeros and PKCS#7 padding.
///
/// The zero vector is Alipay's choice (`encrypt_type=AES`); equal contents give equal ciphertexts. What protects an
/// answer from alteration is its signature, so nothing may be decrypted before that was checked.
public struct ContentKey: Sendable {
    private let key: [UInt8]

    /// Reads the Base64 text that the console shows: 16 bytes, or 24 or 32.
    public init(text: String) throws(KeyError) {
        let trimmed = text.utf8.filter { $0 > 0x20 }
        guard !trimmed.isEmpty else { throw KeyError(.empty, "the content encryption key is empty") }
        guard let key = Base64.decode(trimmed) else {
            throw KeyError(.unreadable, "the content encryption key is not Base64; copy it from the console as it is")
        }
        guard [16, 24, 32].contains(key.count) else {
            throw KeyError(.size, "the content encryption key has \(key.count) bytes; 16, 24 or 32 are wanted")
        }
        self.key = key
    }

    /// 128, 192 or 256.
    public var bits: Int { key.count * 8 }

    /// The ciphertext, or nil where OpenSSL refuses.
    public func encrypt(_ plain: [UInt8]) -> [UInt8]? { run(plain, encrypting: true) }

    /// The content, or nil for anything that this key did not encrypt. The reasons are not told apart.
    public func decrypt(_ cipher: [UInt8]) -> [UInt8]? { run(cipher, encrypting: false) }

    private func run(_ input: [UInt8], encrypting: Bool) -> [UInt8]? {
        guard let length = Int32(exactly: input.count), let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        let algorithm =
            switch key.count {
            case 16: EVP_aes_128_cbc()
            case 24: EVP_aes_192_cbc()
            default: EVP_aes_256_cbc()
            }
        let zeros = [UInt8](repeating: 0, count: 16)
        var done = EVP_CipherInit_ex(context, algorithm, nil, key, zeros, encrypting ? 1 : 0) == 1
        let output = [UInt8](unsafeUninitializedCapacity: input.count + 16) { buffer, count in
            var written: Int32 = 0
            var last: Int32 = 0
            done = done && EVP_CipherUpdate(context, buffer.baseAddress, &written, input, length) == 1
            done = done && EVP_CipherFinal_ex(context, buffer.baseAddress.map { $0 + Int(written) }, &last) == 1
            count = done ? Int(written + last) : 0
        }
        if !done { ERR_clear_error() }
        return done ? output : nil
    }
}

extension ContentKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "content key of \(key.count * 8) bits" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
