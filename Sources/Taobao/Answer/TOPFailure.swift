import Wire

/// Why a call brought no bill. Nothing of it is signed: it may lead to asking again and to a person, never to money.
public struct TOPFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a failure asks of us.
    public enum Kind: Sendable, Hashable {
        /// The platform worked, and the business behind it said no (`result.success` is false).
        case business
        /// Ask again later: no answer, half an answer, another order's answer, or trouble behind the platform.
        case retry
        /// Ask nobody anything for so long; who asks during a ban has it made longer.
        case throttle(Ban)
        /// This request is wrong, and asking again brings the same.
        case permanent
        /// A person has to act: keys, permissions, the session.
        case `operator`
        /// The clock is said to be off: asked once more, because the request may only have travelled long; then a person.
        case clock
    }

    public struct Ban: Sendable, Hashable {
        public let duration: Duration
        /// The app's quota for the day is used up; somebody should know.
        public let isDailyQuota: Bool

        public init(_ duration: Duration, isDailyQuota: Bool = false) {
            self.duration = duration
            self.isDailyQuota = isDailyQuota
        }
    }

    public var kind: Kind
    /// A stable word: the sub_code, err_code or code as received, else one of ours (`timeout`, `wrong_echo`, …).
    public var cause: String
    public var code: String?
    public var subCode: String?
    /// For people; at most 500 characters, parts of it written by the platform.
    public var message: String
    public var requestID: String?
    /// The whole answer, when there was one.
    public var rawBody: [UInt8]?

    public init(
        _ kind: Kind, cause: String, code: String? = nil, subCode: String? = nil, message: String,
        requestID: String? = nil, rawBody: [UInt8]? = nil
    ) {
        self.kind = kind
        self.cause = Self.bounded(cause, 64)
        self.code = code.map { Self.bounded($0, 64) }
        self.subCode = subCode.map { Self.bounded($0, 128) }
        self.message = Self.bounded(message, 500)
        self.requestID = requestID.map { Self.bounded($0, 128) }
        self.rawBody = rawBody
    }

    public var description: String { "\(cause): \(message)" }

    /// The platform's words come over a wire that signs nothing: no control characters, a bounded length.
    private static func bounded(_ text: String, _ length: Int) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text.unicodeScalars.prefix(length).map { $0.value < 0x20 ? " " : $0 })
        return String(scalars)
    }
}

extension TOPFailure {
    /// No answer came, or not one of HTTP 200.
    init(_ error: TransportError, rawBody: [UInt8]? = nil) {
        var kind = Kind.retry
        if case .httpStatus(429, let wait) = error.cause { kind = .throttle(Ban(wait ?? BanText.usual)) }
        self.init(kind, cause: error.cause.name, message: error.message, rawBody: rawBody)
    }

    /// The platform reports an error.
    init(_ error: TOPError, rawBody: [UInt8]) {
        let words = [error.code, error.message, error.subCode, error.subMessage].compactMap { $0 }
        self.init(
            FailureTable.classify(error), cause: error.subCode ?? error.code ?? "no_code", code: error.code,
            subCode: error.subCode, message: words.joined(separator: " "), requestID: error.requestID,
            rawBody: rawBody)
    }
}
