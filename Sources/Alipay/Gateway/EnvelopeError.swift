/// Why an answer cannot be believed or read.
public struct EnvelopeError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        /// No bytes at all, or only blanks.
        case empty
        /// Not one JSON object: HTML, half an answer, something behind it, nested too deep.
        case notJSON = "not_json"
        /// Not valid in the charset that was asked for, nor in GBK.
        case notInCharset = "not_in_charset"
        /// Neither the method's node nor `error_response`, or more than one node.
        case wrongNode = "wrong_node"
        /// A key that occurs twice, at the top or inside the node.
        case duplicateNode = "duplicate_node"
        /// It claims anything but a failure and is not signed.
        case missingSign = "missing_sign"
        case badSignature = "bad_signature"
        /// Certificate mode: it names a certificate of Alipay's that is not believed yet.
        case unknownCertificate = "unknown_certificate"
        /// Certificate mode: a success that does not say which certificate signed it.
        case missingCertificate = "missing_alipay_cert_sn"
        /// Signed, encrypted, and not readable with the content key (or there is none).
        case notDecryptable = "not_decryptable"
        /// Signed, but the node is not an object.
        case malformedNode = "malformed_node"
    }

    public let cause: Cause
    public let message: String
    /// The number of the certificate that is not believed yet.
    public let certificateNumber: String?

    init(_ cause: Cause, _ message: String, certificateNumber: String? = nil) {
        self.cause = cause
        self.message = message
        self.certificateNumber = certificateNumber
    }

    public var description: String { "\(cause.rawValue): \(message)" }
}
