/// Why a certificate cannot be read or is not believed: what was found, and what to do about it.
public struct CertificateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word for each kind of fault.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// No PEM block, or one that holds no X.509 certificate.
        case unreadable = "certificate_unreadable"
        /// The root bundle has no certificate that counts for `alipay_root_cert_sn`.
        case noRoot = "certificate_no_root"
        /// Its time is over.
        case expired = "certificate_expired"
        /// Its time has not begun.
        case notYetValid = "certificate_not_yet_valid"
        /// No way leads from it to the pinned root certificates.
        case unknownRoot = "certificate_unknown_root"
        /// A way leads there, and a signature, a key or a constraint on it is wrong.
        case badChain = "certificate_bad_chain"
        /// It is another certificate than the one that was asked for.
        case wrongNumber = "certificate_wrong_number"
        /// Its key is of no use here.
        case key = "certificate_key"
        /// OpenSSL refused an operation that ought to work.
        case operation = "certificate_operation"
    }

    public let code: Code
    public let message: String

    public var description: String { message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
