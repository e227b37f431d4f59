import COpenSSL
import Wire

/// The text of a key file in any of the forms that people have: PEM under any label, PEM in one line with `\n` spelled
/// out (as in environment variables), or bare Base64 as Alipay's key tool and console give it.
struct KeyDocument {
    let der: [UInt8]

    init(text: String) throws(KeyError) {
        var text = text[...]
        if text.first == "\u{FEFF}" { text = text.dropFirst() }
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw KeyError(.empty, "the key is empty")
        }
        let bytes = Array(text.utf8)
        let armoured = try Self.armoured(bytes)
        guard let der = Base64.decode(Self.withoutBlanks(armoured ?? bytes)), !der.isEmpty else {
            throw KeyError(
                .unreadable,
                armoured == nil
                    ? "this is neither PEM nor Base64: give the key's text, neither its path nor binary DER"
                    : "the PEM holds something that is not Base64: it was cut or changed")
        }
        self.der = der
    }

    /// What lies between the first `-----BEGIN …-----` and its end; nil where there is no such line.
    private static func armoured(_ bytes: [UInt8]) throws(KeyError) -> [UInt8]? {
        let begin = Array("-----BEGIN ".utf8)
        let end = Array("-----END ".utf8)
        let dashes = Array("-----".utf8)
        guard let opening = bytes.firstRange(of: begin) else { return nil }
        guard let label = bytes[opening.upperBound...].firstRange(of: dashes),
            let closing = bytes[label.upperBound...].firstRange(of: end)
        else {
            throw KeyError(.unreadable, "the PEM has a BEGIN line and no END line: it was cut")
        }
        let body = bytes[label.upperBound..<closing.lowerBound]
        let name = bytes[opening.upperBound..<label.lowerBound]
        if name.firstRange(of: Array("ENCRYPTED".utf8)) != nil || body.firstRange(of: Array("ENCRYPTED".utf8)) != nil {
            throw .encryptedKey
        }
        if name.elementsEqual("OPENSSH PRIVATE KEY".utf8) {
            throw KeyError(.unreadable, "this is a key in OpenSSH's own format: convert it with ssh-keygen -p -m PEM")
        }
        return Array(body)
    }

    /// The bytes without blanks, line ends and the two characters `\n` or `\r` that stand for them in one-line
    /// settings.
    private static func withoutBlanks(_ bytes: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\"), index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "n") || bytes[index + 1] == UInt8(ascii: "r")
            {
                index += 2
                continue
            }
            if byte != 0x20, !(0x09...0x0D).contains(byte) { kept.append(byte) }
            index += 1
        }
        return kept
    }
}

/// What DER bytes turn out to be. The label of the PEM is not asked: PKCS#8 under `RSA PRIVATE KEY` is a common
/// mistake.
enum KeyContent {
    case privateKey(RSAKey)
    case publicKey(RSAKey)
    case certificate(RSAKey)
    case encrypted
    case unknown

    init(der: [UInt8]) {
        if let key = RSAKey.decoded(der, { d2i_AutoPrivateKey(nil, $0, $1) }, free: EVP_PKEY_free) {
            self = .privateKey(RSAKey(owning: key))
        } else if let key = RSAKey.decoded(der, { d2i_PUBKEY(nil, $0, $1) }, free: EVP_PKEY_free)
            ?? RSAKey.decoded(der, { d2i_PublicKey(NID_rsaEncryption, nil, $0, $1) }, free: EVP_PKEY_free)
        {
            self = .publicKey(RSAKey(owning: key))
        } else if let certificate = RSAKey.decoded(der, { d2i_X509(nil, $0, $1) }, free: X509_free) {
            defer { X509_free(certificate) }
            if let key = X509_get_pubkey(certificate) {
                self = .certificate(RSAKey(owning: key))
            } else {
                ERR_clear_error()
                self = .unknown
            }
        } else if let envelope = RSAKey.decoded(der, { d2i_X509_SIG(nil, $0, $1) }, free: X509_SIG_free) {
            X509_SIG_free(envelope)
            self = .encrypted
        } else {
            self = .unknown
        }
    }
}

extension KeyError {
    static let encryptedKey = KeyError(
        .encrypted, "an encrypted private key is not supported: decrypt it with openssl rsa -in FILE -out NEWFILE")
    static let noKey = KeyError(
        .unreadable, "this is well-formed Base64 but holds no RSA key, neither PKCS#8, PKCS#1 nor SubjectPublicKeyInfo")
}
