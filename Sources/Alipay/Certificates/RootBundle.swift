import COpenSSL

/// Alipay's root certificates as its console gives them, pinned: the only ones that vouch for a certificate of Alipay. What
/// this machine trusts for the web counts for nothing here.
public struct RootBundle: Sendable, Hashable {
    /// `alipay_root_cert_sn`: the numbers of the certificates that an RSA key signed, in the file's order, joined with `_`.
    public let number: String
    public let certificates: [Certificate]
    /// Blocks that OpenSSL cannot read, or that are cut. Alipay's own bundle has certificates of algorithms that not every
    /// library knows; the others count all the same.
    public let unreadable: Int

    public init(text: String) throws(CertificateError) {
        let blocks = CertificateText.blocks(of: text)
        certificates = blocks.compactMap { der in der.flatMap { try? Certificate(der: $0) } }
        unreadable = blocks.count - certificates.count
        let counted = certificates.filter(\.isRSASigned)
        guard !counted.isEmpty else {
            throw CertificateError(
                .noRoot,
                blocks.isEmpty
                    ? "there is no certificate in it; the file alipayRootCert.crt of the console is expected"
                    : "none of its \(blocks.count) certificates is signed with RSA; alipayRootCert.crt is expected")
        }
        number = counted.map(\.number).joined(separator: "_")
    }

    /// Makes sure that a way of signatures leads from the certificate to one of these, and that every certificate on it is
    /// within its time.
    ///
    /// - Parameter now: seconds since 1970.
    public func verify(_ chain: CertificateChain, at now: Int64) throws(CertificateError) {
        guard !certificates.contains(chain.leaf), X509_check_ca(chain.leaf.x509.pointer) != 1 else {
            throw CertificateError(
                .badChain,
                "the certificate \(chain.leaf.number) vouches for others and signs no answers; the certificate of Alipay's "
                    + "own key is expected first in the file (alipayCertPublicKey_RSA2.crt)")
        }
        let code = Self.check(chain, anchors: certificates, at: now)
        guard code != X509_V_OK else { return }
        let subject = "the certificate \(chain.leaf.number) (issued by \(chain.leaf.issuer))"
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            throw CertificateError(.expired, "\(subject), or one that vouches for it, has expired: get the new one")
        case X509_V_ERR_CERT_NOT_YET_VALID:
            throw CertificateError(
                .notYetValid, "\(subject), or one that vouches for it, is not valid yet: is this machine's clock right?"
            )
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_UNTRUSTED:
            throw CertificateError(
                .unknownRoot,
                "no way leads from \(subject) to the root certificates: one of the two files is another environment's or "
                    + "another party's, or the intermediate certificate is missing after it")
        case Self.outOfMemory:
            throw CertificateError(.operation, "OpenSSL cannot check \(subject)")
        default:
            let reason = String(cString: X509_verify_cert_error_string(Int(code)))
            throw CertificateError(.badChain, "\(subject) is not vouched for: \(reason)")
        }
    }

    private static let outOfMemory = X509_V_ERR_OUT_OF_MEM

    /// OpenSSL's verdict, `X509_V_OK` or the first error.
    private static func check(_ chain: CertificateChain, anchors: [Certificate], at now: Int64) -> Int32 {
        guard let store = X509_STORE_new() else { return outOfMemory }
        defer { X509_STORE_free(store) }
        for anchor in anchors where X509_STORE_add_cert(store, anchor.x509.pointer) != 1 { return outOfMemory }
        guard let context = X509_STORE_CTX_new(), let issuers = OPENSSL_sk_new_null() else { return outOfMemory }
        // The stack borrows the certificates, which `chain` keeps alive.
        defer {
            X509_STORE_CTX_free(context)
            OPENSSL_sk_free(issuers)
        }
        for issuer in chain.issuers where OPENSSL_sk_push(issuers, UnsafeRawPointer(issuer.x509.pointer)) < 1 {
            return outOfMemory
        }
        guard X509_STORE_CTX_init(context, store, chain.leaf.x509.pointer, issuers) == 1,
            let parameters = X509_STORE_CTX_get0_param(context)
        else { return outOfMemory }
        X509_VERIFY_PARAM_set_time(parameters, Int(now))
        X509_VERIFY_PARAM_set_depth(parameters, 5)
        // No MD5 and no SHA-1 below the anchors.
        X509_VERIFY_PARAM_set_auth_level(parameters, 1)
        // Every certificate of the bundle was pinned by the operator, so any of them may end the way.
        guard X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1 else { return outOfMemory }
        let done = X509_verify_cert(context)
        ERR_clear_error()
        return withExtendedLifetime((anchors, chain)) {
            if done == 1 { return X509_V_OK }
            let error = X509_STORE_CTX_get_error(context)
            return error == X509_V_OK ? outOfMemory : error
        }
    }
}
