import Alipay
import COpenSSL
import Wire

/// A certificate in the making: what it will say, before somebody signs it.
struct CertificatePaper: Sendable {
    /// In the order of encoding, by OpenSSL's short names.
    typealias Name = [(keyword: String, value: String)]

    var subject: Name
    var issuer: Name
    var serial: UInt64
    /// Seconds since 1970.
    var notBefore: Int64
    var notAfter: Int64
    var isAuthority = false

    /// - Parameters:
    ///   - holder: PEM of the private key whose public half is certified.
    ///   - signer: PEM of the issuer's private key.
    /// - Returns: DER.
    func signed(holder: String, by signer: String) throws(SandboxError) -> [UInt8] {
        guard let own = Self.key(holder) else { throw Self.failure }
        defer { EVP_PKEY_free(own) }
        guard let issuing = Self.key(signer) else { throw Self.failure }
        defer { EVP_PKEY_free(issuing) }
        guard let paper = X509_new() else { throw Self.failure }
        defer { X509_free(paper) }
        guard X509_set_version(paper, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(paper), serial) == 1,
            ASN1_TIME_set(X509_getm_notBefore(paper), Int(notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(paper), Int(notAfter)) != nil,
            X509_set_pubkey(paper, own) == 1,
            Self.write(subject, into: X509_get_subject_name(paper)),
            Self.write(issuer, into: X509_get_issuer_name(paper)),
            let constraint = X509V3_EXT_conf_nid(
                nil, nil, NID_basic_constraints, isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE")
        else { throw Self.failure }
        defer { X509_EXTENSION_free(constraint) }
        guard X509_add_ext(paper, constraint, -1) == 1, X509_sign(paper, issuing, EVP_sha256()) > 0 else {
            throw Self.failure
        }
        var end: UnsafeMutablePointer<UInt8>?
        let length = Int(i2d_X509(paper, &end))
        guard length > 0, let end else { throw Self.failure }
        defer { CRYPTO_free(end, #file, #line) }
        return Array(UnsafeBufferPointer(start: end, count: length))
    }

    private static func write(_ name: Name, into pointer: OpaquePointer?) -> Bool {
        name.allSatisfy { keyword, value in
            let bytes = Array(value.utf8)
            return X509_NAME_add_entry_by_txt(pointer, keyword, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0) == 1
        }
    }

    private static func key(_ pem: String) -> OpaquePointer? {
        let bytes = Array(pem.utf8)
        guard let file = BIO_new_mem_buf(bytes, Int32(bytes.count)) else { return nil }
        defer { BIO_free(file) }
        return PEM_read_bio_PrivateKey(file, nil, nil, nil)
    }

    /// `MBSTRING_FLAG`, which is a macro that C alone sees.
    private static let MBSTRING_UTF8: Int32 = 0x1000

    private static var failure: SandboxError {
        ERR_clear_error()
        return SandboxError(.certificate, "OpenSSL cannot make a certificate")
    }

    /// PEM of a new key on the curve P-256, for a root that does not count.
    static func ellipticKey() throws(SandboxError) -> String {
        guard let context = EVP_PKEY_CTX_new_id(NID_X9_62_id_ecPublicKey, nil) else { throw failure }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) > 0, EVP_PKEY_CTX_set_group_name(context, "prime256v1") > 0,
            EVP_PKEY_generate(context, &made) > 0, let made
        else { throw failure }
        defer { EVP_PKEY_free(made) }
        guard let file = BIO_new(BIO_s_mem()) else { throw failure }
        defer { BIO_free(file) }
        guard PEM_write_bio_PKCS8PrivateKey(file, made, nil, nil, 0, nil, nil) == 1 else { throw failure }
        return String(
            decoding: [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                count = max(0, Int(BIO_read(file, buffer.baseAddress, Int32(buffer.count))))
            }, as: UTF8.self)
    }
}
