import Alipay

/// How a call ended, in the terms of what it says about the gateway, the app and the merchant.
public enum CallOutcome: Sendable, Hashable {
    /// The gateway said something about what was asked, good or bad.
    case answered
    /// It answered that it is in trouble itself.
    case troubled(cause: String)
    /// No answer, or none that can be believed.
    case unreachable(cause: String)
    /// It was called too often. `after` is what it told; `wholeApp` false closes this method alone.
    case throttled(cause: String, after: Duration?, wholeApp: Bool)
    /// It refuses all calls of the app, or of the merchant whose token asked: keys, tokens, contracts.
    case refused(Scope, cause: String, message: String)
    /// The trade is said to be another merchant's: a wrong token if many are, else something about this one trade.
    case stranger(subject: String, cause: String)
    /// The caller gave up, which says nothing.
    case abandoned

    public enum Scope: Sendable, Hashable {
        case app
        case merchant
    }

    /// - Parameter subject: what was asked about, such as a trade number: tells different refusals from one repeated.
    public init(_ failure: GatewayFailure?, subject: String) {
        guard let failure else {
            self = .answered
            return
        }
        switch failure.kind {
        case .transport, .untrusted:
            self = failure.cause == "cancelled" ? .abandoned : .unreachable(cause: failure.cause)
        case .retry: self = .troubled(cause: failure.cause)
        case .throttle:
            self = .throttled(
                cause: failure.cause, after: failure.retryAfter,
                wholeApp: failure.subCode?.lowercased() != "isv.method-call-limited")
        case .operator:
            self = .refused(
                failure.concernsMerchant ? .merchant : .app, cause: failure.cause, message: failure.message)
        case .belongsToOthers: self = .stranger(subject: subject, cause: failure.cause)
        case .permanent, .pending, .notExisting, .malformed: self = .answered
        }
    }

    /// Whether it shows that what stood behind the hold `key` is gone.
    func ends(_ key: String) -> Bool {
        switch self {
        case .answered: true
        case .stranger: !key.hasPrefix("merchant:")
        // To be refused it has to be heard; to have the merchant's token refused, the app has to be believed.
        case .refused(.merchant, _, _): !key.hasPrefix("merchant:")
        case .refused(.app, _, _): key.hasPrefix("gateway:") || key.hasPrefix("throttle:")
        case .throttled: key.hasPrefix("gateway:")
        case .troubled, .unreachable, .abandoned: false
        }
    }

    /// What it says about the gateway as a whole.
    var breakerResult: Breaker.Result {
        switch self {
        case .answered, .refused, .stranger, .throttled: .success
        case .troubled: .trouble
        case .unreachable: .failure
        case .abandoned: .nothing
        }
    }
}
