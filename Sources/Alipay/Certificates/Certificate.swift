import COpenSSL
import Wire

/// One X.509 certificate: the application's, Alipay's, or one of those that vouch for them.
///
/// What it says about itself is only a claim until a ``RootBundle`` was asked.
public struct Certificate: Sendable {
    let x509: X509

    /// The number by which the OpenAPI names it (`app_cert_sn`, `alipay_cert_sn`): MD5, in lower-case hexadecimal with all
    /// leading zeros, of the issuer's name and the serial number in decimal.
    ///
    /// Source: Alipay's Java SDK, and the cases C1–C10 of the vectors.
    public let number: String
    /// The issuer as Java writes it: `CN=…,OU=…,O=…,C=CN`.
    public let issuer: String
    public let subject: String
    /// Decimal.
    public let serial: String
    /// Seconds since 1970.
    public let notBefore: Int64
    public let notAfter: Int64
    /// The algorithm that the issuer signed with, in dotted digits.
    public let signatureOID: String
    /// Hex SHA-256 of its DER.
    public let fingerprint: String
    private let der: [UInt8]

    /// Reads a certificate from DER.
    public init(der: [UInt8]) throws(CertificateError) {
        guard let x509 = X509(der: der), let serial = x509.serial, let notBefore = x509.notBefore,
            let notAfter = x509.notAfter
        else { throw CertificateError(.unreadable, "this is no X.509 certificate that OpenSSL can read") }
        self.x509 = x509
        self.der = der
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        issuer = x509.issuer
        subject = x509.subject
        signatureOID = x509.signatureOID
        fingerprint = Digest.hex(Digest.sha256(der))
        number = try Self.md5(issuer + serial)
    }

    /// Reads the first certificate of a PEM text, or bare Base64 of its DER.
    public init(text: String) throws(CertificateError) {
        let blocks = CertificateText.blocks(of: text)
        guard let first = blocks.first else {
            throw CertificateError(
                .unreadable, "there is no certificate in it: a line -----BEGIN CERTIFICATE----- is expected")
        }
        guard let der = first else {
            throw CertificateError(.unreadable, "the certificate's PEM is not Base64: it was cut or changed")
        }
        try self.init(der: der)
    }

    /// The RSA key that it certifies.
    public func publicKey(allowsLegacySize: Bool = false) throws(KeyError) -> PublicKey {
        guard let key = x509.key else { throw .noKey }
        try key.check(allowsLegacySize: allowsLegacySize)
        return try PublicKey(sharing: key)
    }

    /// Whether an RSA key signed it: only such certificates count for `alipay_root_cert_sn`.
    public var isRSASigned: Bool { signatureOID.hasPrefix("1.2.840.113549.1.1.") }

    public var pem: String { PEM.text("CERTIFICATE", der) }

    private static func md5(_ text: String) throws(CertificateError) -> String {
        let bytes = Array(text.utf8)
        var length: UInt32 = 0
        var digest = [UInt8](repeating: 0, count: 64)
        guard EVP_Digest(bytes, bytes.count, &digest, &length, EVP_md5(), nil) == 1, length == 16 else {
            ERR_clear_error()
            throw CertificateError(
                .operation, "OpenSSL cannot compute MD5, which Alipay's certificate numbers are made of (FIPS mode?)")
        }
        return Digest.hex(digest.prefix(16))
    }
}

extension Certificate: Hashable {
    public static func == (left: Certificate, right: Certificate) -> Bool { left.fingerprint == right.fingerprint }
    public func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

extension Certificate: CustomStringConvertible {
    public var description: String { "certificate \(number)" }
}

/// A certificate and those that were delivered with it to lead to a root.
public struct CertificateChain: Sendable, Hashable {
    public let leaf: Certificate
    public let issuers: [Certificate]

    /// Reads all certificates of a PEM text; the first is the one that matters.
    ///
    /// Issuers that cannot be read are left out: whether the rest is enough is for the ``RootBundle`` to say.
    public init(text: String) throws(CertificateError) {
        leaf = try Certificate(text: text)
        issuers = CertificateText.blocks(of: text).dropFirst().compactMap { der in
            der.flatMap { try? Certificate(der: $0) }
        }
    }

    public var pem: String { ([leaf] + issuers).map(\.pem).joined() }
}

/// Finds the certificates of a text by their PEM markers and by nothing else: bundles come with and without blank lines,
/// with comments between the blocks, and with every kind of line end.
enum CertificateText {
    /// The DER of each block, in order; nil where a block is not Base64. A text without markers is one bare block.
    static func blocks(of text: String) -> [[UInt8]?] {
        let bytes = Array(text.utf8)
        let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
        let end = Array("-----END CERTIFICATE-----".utf8)
        var blocks: [[UInt8]?] = []
        var rest = bytes[...]
        while let opening = rest.firstRange(of: begin) {
            let body = rest[opening.upperBound...]
            guard let closing = body.firstRange(of: end) else {
                blocks.append(nil)
                break
            }
            // A block without an end runs into the next one, and must not swallow it.
            if let next = body.firstRange(of: begin), next.lowerBound < closing.lowerBound {
                blocks.append(nil)
                rest = body[next.lowerBound...]
                continue
            }
            blocks.append(decoded(body[..<closing.lowerBound]))
            rest = body[closing.upperBound...]
        }
        if blocks.isEmpty, let der = decoded(rest), !der.isEmpty { return [der] }
        return blocks
    }

    private static func decoded(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        var kept: [UInt8] = []
        kept.reserveCapacity(body.count)
        var rest = body
        // `\n` in two characters stands for a line end in one-line settings.
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let next = rest.first, next == UInt8(ascii: "n") || next == UInt8(ascii: "r")
            {
                rest = rest.dropFirst()
            } else if byte != 0x20, !(0x09...0x0D).contains(byte) {
                kept.append(byte)
            }
        }
        return Base64.decode(kept)
    }
}
