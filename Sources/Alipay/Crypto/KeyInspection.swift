import COpenSSL

/// What a text that ought to be a key turns out to be: for the person who wonders which of their files is which.
public struct KeyInspection: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case privateKey = "private_key"
        case publicKey = "public_key"
        case certificate
        /// Protected by a password; nothing more is known of it.
        case encryptedPrivateKey = "encrypted_private_key"
    }

    /// How its numbers are written down.
    public enum Encoding: String, Sendable, Hashable, CaseIterable {
        /// RSA alone: `BEGIN RSA PRIVATE KEY`, `BEGIN RSA PUBLIC KEY`.
        case pkcs1
        /// Any private key: `BEGIN PRIVATE KEY`.
        case pkcs8
        /// Any public key: `BEGIN PUBLIC KEY`.
        case spki
        case x509
        /// The old encodings of elliptic and other keys.
        case other
    }

    public let kind: Kind
    public let encoding: Encoding
    /// `RSA`, `EC` …
    public let algorithm: String
    public let bits: Int
    /// Hex SHA-256 of the public half's SubjectPublicKeyInfo: equal for the two halves of a pair and their certificate.
    public let fingerprint: String

    /// Reads a text in any of the forms that ``PrivateKey/init(text:allowsLegacySize:)`` and
    /// ``PublicKey/init(text:allowsLegacySize:)`` take.
    public init(text: String) throws(KeyError) {
        let der: [UInt8]
        do throws(KeyError) {
            der = try KeyDocument(text: text).der
        } catch {
            guard error.code == .encrypted else { throw error }
            self.init(.encryptedPrivateKey, .other, nil)
            return
        }
        switch KeyContent(der: der) {
        case .privateKey(let key): self.init(.privateKey, Self.privateEncoding(der, key), key)
        case .publicKey(let key): self.init(.publicKey, Self.isSPKI(der) ? .spki : .pkcs1, key)
        case .certificate(let key): self.init(.certificate, .x509, key)
        case .encrypted: self.init(.encryptedPrivateKey, .pkcs8, nil)
        case .unknown: throw .noKey
        }
    }

    private init(_ kind: Kind, _ encoding: Encoding, _ key: RSAKey?) {
        self.kind = kind
        self.encoding = encoding
        algorithm = key?.algorithmName ?? "unknown"
        bits = key?.bits ?? 0
        fingerprint = key.flatMap { try? PublicKey(sharing: $0).fingerprint } ?? ""
    }

    private static func privateEncoding(_ der: [UInt8], _ key: RSAKey) -> Encoding {
        let document = RSAKey.decoded(
            der, { d2i_PKCS8_PRIV_KEY_INFO(nil, $0, $1) }, free: PKCS8_PRIV_KEY_INFO_free)
        guard let document else { return key.algorithmName == "RSA" ? .pkcs1 : .other }
        PKCS8_PRIV_KEY_INFO_free(document)
        return .pkcs8
    }

    private static func isSPKI(_ der: [UInt8]) -> Bool {
        guard let key = RSAKey.decoded(der, { d2i_PUBKEY(nil, $0, $1) }, free: EVP_PKEY_free) else { return false }
        EVP_PKEY_free(key)
        return true
    }
}

extension RSAKey {
    /// OpenSSL's name of the algorithm, which need not be RSA before ``check(allowsLegacySize:)``.
    var algorithmName: String {
        EVP_PKEY_get0_type_name(pointer).map { String(cString: $0) } ?? "unknown"
    }
}
