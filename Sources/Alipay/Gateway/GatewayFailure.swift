/// Why a call brought no confirmed answer.
///
/// A failure that is not `signed` may lead to asking again and to an alert, never to "not paid" or "does not exist":
/// anybody between us and the gateway could have written it.
public struct GatewayFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public var kind: FailureClass
    /// One stable word for metrics and tables: the sub_code or code as received for what the gateway said,
    /// else ours (`timeout`, `bad_signature`, `wrong_echo`, …).
    public var cause: String
    /// The gateway's code, `40004` and the like; nil when it said nothing.
    public var code: String?
    public var subCode: String?
    /// For people. May hold what the gateway wrote; never matched on, at most 500 characters.
    public var message: String
    /// Whether Alipay's signature covers what is said here.
    public var signed: Bool
    /// How long we were told to wait.
    public var retryAfter: Duration?
    /// The whole answer, when there was one.
    public var rawBody: [UInt8]?
    /// Certificate mode: the number of the certificate that signed the answer and is not believed.
    public var certificateNumber: String?

    public init(
        kind: FailureClass, cause: String, code: String? = nil, subCode: String? = nil, message: String,
        signed: Bool = false, retryAfter: Duration? = nil, rawBody: [UInt8]? = nil
    ) {
        self.kind = kind
        self.cause = cause
        self.code = code
        self.subCode = subCode
        self.message = String(message.prefix(500))
        self.signed = signed
        self.retryAfter = retryAfter
        self.rawBody = rawBody
    }

    /// Whether a failure of class `operator` concerns the merchant whose token asked, and not the whole app.
    public var concernsMerchant: Bool { FailureTable.concernsMerchant(code: code, subCode: subCode) }

    public var description: String {
        "\(kind.rawValue): \(cause)\(signed ? "" : " (unsigned)")"
    }
}
