/// Why a request is not a notification: what the log, the counters and the store of rejected bodies say. The sender
/// only learns the status.
public struct NotificationRejection: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word for each cause: a metric's label, and part of the documentation.
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        /// The Content-Type is not `application/x-www-form-urlencoded`.
        case unsupportedMediaType = "unsupported_media_type"
        case bodyTooLarge = "body_too_large"
        case emptyBody = "empty_body"
        case tooManyParameters = "too_many_params"
        case parameterTooLong = "param_too_long"
        /// A pair that is not `name=value`.
        case malformedPair = "malformed_pair"
        /// A name that contains `&` or `=`.
        case ambiguousName = "ambiguous_name"
        case badEscape = "bad_escape"
        case duplicateParameter = "duplicate_param"
        /// `sign_type` is absent, unknown, or not allowed for this source.
        case algorithmNotAllowed = "alg_not_allowed"
        /// `sign` is absent or blank.
        case missingSign = "missing_sign"
        /// `sign` is not Base64.
        case malformedSign = "malformed_sign"
        /// No key of the source made this signature over this content.
        case badSignature = "bad_signature"
    }

    public let cause: Cause

    /// What was wrong, for the log: no value and no unknown name from the message, so no personal data and no control
    /// characters.
    public let message: String

    /// Certificate mode: the certificate of Alipay's that the message names, when it is not known here. Getting it may be
    /// the remedy; it is a claim of an unverified message, not to be logged as it is.
    public let certificateNumber: String?

    init(_ cause: Cause, _ message: String, certificateNumber: String? = nil) {
        self.cause = cause
        self.message = message
        self.certificateNumber = certificateNumber
    }

    init(_ error: FormError) {
        self.init(error.cause, error.message)
    }

    /// The HTTP status for the answer: 400 for the form, 401 for the signature, 413 and 415.
    public var status: Int {
        switch cause {
        case .unsupportedMediaType: 415
        case .bodyTooLarge: 413
        case .emptyBody, .tooManyParameters, .parameterTooLong, .malformedPair, .ambiguousName, .badEscape,
            .duplicateParameter:
            400
        case .algorithmNotAllowed, .missingSign, .malformedSign, .badSignature: 401
        }
    }

    public var description: String { "\(cause.rawValue): \(message)" }
}
