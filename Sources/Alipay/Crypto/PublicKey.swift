import COpenSSL
import Wire

/// A key that signatures are checked with: Alipay's, one per application or shared, or the application's own public
/// half.
///
/// Parsed once; then shared by all threads (see ``RSAKey`` for why that is safe). Equal when the key is the same,
/// however it was written.
public struct PublicKey: Sendable {
    private let contexts: PreparedContexts
    private var key: RSAKey { contexts.key }

    /// The key's id: SHA-256 of its SubjectPublicKeyInfo, in hexadecimal.
    public let fingerprint: String

    /// Reads a key from the text of a file or a setting: SubjectPublicKeyInfo or PKCS#1, as PEM or as bare Base64 of
    /// the DER; or an X.509 certificate as PEM, of which it takes the key and checks nothing. Of several blocks the
    /// first is read.
    ///
    /// - Parameter allowsLegacySize: accepts 1024 to 2047 bits as well (`allow_legacy_rsa`).
    public init(text: String, allowsLegacySize: Bool = false) throws(KeyError) {
        try self.init(der: KeyDocument(text: text).der, allowsLegacySize: allowsLegacySize)
    }

    /// Reads a key from DER: SubjectPublicKeyInfo, PKCS#1 or an X.509 certificate.
    public init(der: [UInt8], allowsLegacySize: Bool = false) throws(KeyError) {
        switch KeyContent(der: der) {
        case .publicKey(let key), .certificate(let key):
            try key.check(allowsLegacySize: allowsLegacySize)
            try self.init(sharing: key)
        case .privateKey:
            throw KeyError(
                .wrongHalf, "this is a private key; a public key is wanted here (Alipay's, as its console shows it)")
        case .encrypted:
            throw KeyError(.wrongHalf, "this is an encrypted private key; a public key is wanted here")
        case .unknown:
            throw .noKey
        }
    }

    init(sharing key: RSAKey) throws(KeyError) {
        contexts = PreparedContexts(key, for: .verifying)
        fingerprint = Digest.hex(Digest.sha256(try key.publicDER()))
    }

    /// The length of the modulus.
    public var bits: Int { key.bits }

    /// The length of every signature that this key can verify, in bytes.
    public var signatureLength: Int { key.signatureLength }

    /// The key as SubjectPublicKeyInfo PEM.
    public var pem: String {
        get throws(KeyError) { PEM.text("PUBLIC KEY", try key.publicDER()) }
    }

    /// Whether `signature` is the key's RSASSA-PKCS1-v1_5 signature over exactly these bytes.
    ///
    /// OpenSSL builds the whole padded block anew and compares it, so that neither garbage after the digest, nor
    /// another spelling of the DigestInfo, nor other padding passes.
    public func verify(
        _ signature: [UInt8], over content: some Collection<UInt8>, with algorithm: SignatureAlgorithm
    ) -> Bool {
        guard signature.count == signatureLength else { return false }
        let valid = content.withContiguousBytes { content in
            contexts.with(algorithm) { context in
                EVP_DigestVerify(context, signature, signature.count, content.baseAddress, content.count) == 1
            } ?? false
        }
        if !valid { ERR_clear_error() }
        return valid
    }

    /// The digest inside a signature that this key made, whatever was signed; nil when it did not make it.
    ///
    /// For diagnosis alone: it tells a wrong key from a changed content. What verifies is decided by
    /// ``verify(_:over:with:)``.
    func digest(in signature: [UInt8], with algorithm: SignatureAlgorithm) -> [UInt8]? {
        guard signature.count == signatureLength, let context = EVP_PKEY_CTX_new(key.pointer, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        var length = signatureLength
        var done =
            EVP_PKEY_verify_recover_init(context) == 1
            && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
            && EVP_PKEY_CTX_set_signature_md(context, algorithm.digest.pointer) == 1
        let digest = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            done =
                done
                && EVP_PKEY_verify_recover(context, buffer.baseAddress, &length, signature, signature.count) == 1
            count = done ? length : 0
        }
        if !done { ERR_clear_error() }
        return done ? digest : nil
    }
}

extension PublicKey: Hashable {
    public static func == (left: PublicKey, right: PublicKey) -> Bool { left.fingerprint == right.fingerprint }
    public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

extension PublicKey: CustomStringConvertible {
    public var description: String { "public key \(fingerprint.prefix(16)), \(bits) bits" }
}

enum PEM {
    /// DER in PEM's armour, 64 characters a line (RFC 7468).
    static func text(_ label: String, _ der: [UInt8]) -> String {
        let body = Array(Base64.encode(der).utf8)
        var text = "-----BEGIN \(label)-----\n"
        for start in stride(from: 0, to: body.count, by: 64) {
            text += String(decoding: body[start..<min(start + 64, body.count)], as: UTF8.self) + "\n"
        }
        return text + "-----END \(label)-----\n"
    }
}
