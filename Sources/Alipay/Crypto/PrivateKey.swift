import COpenSSL
import Wire

/// The application's own key, with which requests and acknowledgements are signed.
///
/// Parsed and tried once; then shared by all threads (see ``RSAKey`` for why that is safe).
public struct PrivateKey: Sendable {
    private let contexts: PreparedContexts
    private var key: RSAKey { contexts.key }

    /// The half that Alipay holds.
    public let publicKey: PublicKey

    /// Reads a key from the text of a file or a setting: PKCS#8 or PKCS#1, as PEM or as bare Base64 of the DER, with or
    /// without line ends and byte order mark.
    ///
    /// - Parameter allowsLegacySize: accepts 1024 to 2047 bits as well (`allow_legacy_rsa`).
    public init(text: String, allowsLegacySize: Bool = false) throws(KeyError) {
        try self.init(der: KeyDocument(text: text).der, allowsLegacySize: allowsLegacySize)
    }

    /// Reads a key from DER, PKCS#8 or PKCS#1.
    public init(der: [UInt8], allowsLegacySize: Bool = false) throws(KeyError) {
        switch KeyContent(der: der) {
        case .privateKey(let key):
            try self.init(key, allowsLegacySize: allowsLegacySize)
        case .publicKey:
            throw KeyError(.wrongHalf, "this is a public key; private_key_file wants the application's private key")
        case .certificate:
            throw KeyError(.wrongHalf, "this is a certificate; private_key_file wants the application's private key")
        case .encrypted:
            throw .encryptedKey
        case .unknown:
            throw .noKey
        }
    }

    /// Makes a new key, for sandboxes and tests.
    public static func generate(bits: Int = 2048) throws(KeyError) -> PrivateKey {
        guard (1024...8192).contains(bits), let context = EVP_PKEY_CTX_new_id(NID_rsaEncryption, nil) else {
            throw KeyError(.size, "a key of \(bits) bits cannot be made; 1024 to 8192 are accepted")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) > 0, EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) > 0,
            EVP_PKEY_generate(context, &made) > 0, let made
        else {
            ERR_clear_error()
            throw KeyError(.operation, "OpenSSL cannot make an RSA key of \(bits) bits")
        }
        return try PrivateKey(RSAKey(owning: made), allowsLegacySize: true)
    }

    private init(_ key: RSAKey, allowsLegacySize: Bool) throws(KeyError) {
        try key.check(allowsLegacySize: allowsLegacySize)
        contexts = PreparedContexts(key, for: .signing)
        publicKey = try PublicKey(sharing: key)
        // A key of which a digit was lost still parses; it is found here and not by Alipay.
        let probe = Array("settled".utf8)
        guard let signature = try? sign(probe, with: .rsa2), publicKey.verify(signature, over: probe, with: .rsa2)
        else {
            throw KeyError(.damaged, "the numbers of this private key do not belong together: it was cut or changed")
        }
    }

    /// The length of the modulus.
    public var bits: Int { key.bits }

    /// The RSASSA-PKCS1-v1_5 signature over the bytes, as long as the modulus.
    public func sign(_ content: some Collection<UInt8>, with algorithm: SignatureAlgorithm) throws(KeyError) -> [UInt8]
    {
        let signature = content.withContiguousBytes { content -> [UInt8]? in
            contexts.with(algorithm) { context in
                var length = key.signatureLength
                var done = false
                let signature = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
                    done = EVP_DigestSign(context, buffer.baseAddress, &length, content.baseAddress, content.count) == 1
                    count = done ? length : 0
                }
                return done ? signature : nil
            } ?? nil
        }
        guard let signature else {
            ERR_clear_error()
            throw KeyError(.operation, "OpenSSL cannot sign with \(algorithm.rawValue) and this key of \(bits) bits")
        }
        return signature
    }

    /// The key as PKCS#8 PEM, unencrypted: for key files that the sandbox and the tests write.
    public var pemPKCS8: String {
        get throws(KeyError) {
            guard let document = EVP_PKEY2PKCS8(key.pointer) else {
                ERR_clear_error()
                throw KeyError(.operation, "OpenSSL cannot write this key")
            }
            defer { PKCS8_PRIV_KEY_INFO_free(document) }
            return PEM.text("PRIVATE KEY", try RSAKey.encoded { i2d_PKCS8_PRIV_KEY_INFO(document, $0) })
        }
    }
}

extension PrivateKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Which key this is, and nothing of its secret.
    public var description: String { "private key of \(publicKey.fingerprint.prefix(16)), \(bits) bits" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
