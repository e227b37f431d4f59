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
        /// Signed, encrypted, and not readable with the content key (or there is none).
        case notDecryptable = "not_decryptable"
        /// Signed, but the node is not an object.
        case malformedNode = "malformed_node"
    }

    public let cause: Cause
    public let message: String

    init(_ cause: Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }

    public var description: String { "\(cause.rawValue): \(message)" }
}
