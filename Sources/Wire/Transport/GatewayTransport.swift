/// Carries one request to the gateway and one answer back. It judges neither.
public protocol GatewayTransport: Sendable {
    /// POSTs `body` to `url`.
    ///
    /// `deadline` is for everything together: connecting, sending, and the last byte of the answer.
    /// Redirects are not followed and nothing is sent twice.
    func post(
        url: String, contentType: String, body: [UInt8], deadline: Duration
    ) async throws(TransportError) -> TransportAnswer
}

/// An HTTP answer, whatever its status, read to its end.
public struct TransportAnswer: Sendable, Hashable {
    public var status: Int
    /// `Retry-After` in its form of seconds; the form of a date is not read.
    public var retryAfter: Duration?
    /// Alipay's `trace_id` header, which its support asks for.
    public var traceID: String?
    public var body: [UInt8]

    public init(status: Int, retryAfter: Duration? = nil, traceID: String? = nil, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter
        self.traceID = traceID
        self.body = body
    }
}

/// Why no usable answer came. The cause is known where it is made, so that nobody has to guess from a text later.
public struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Cause: Sendable, Hashable {
        case connectRefused
        /// No way there: network or host unreachable.
        case unreachable
        /// The gateway's name has no address.
        case dns
        /// No TLS connection that we trust: expired, another host's, self-signed, or no TLS at all.
        case tls
        /// The deadline passed: connecting, waiting or reading.
        case timeout
        /// The connection ended before the answer did.
        case reset
        /// The answer is longer than we read.
        case tooLarge
        /// An answer, but not 200.
        case httpStatus(Int, retryAfter: Duration?)
        /// The caller gave up.
        case cancelled
        /// What came back is not HTTP.
        case notHTTP
        case other

        /// The stable word for metrics and tables.
        public var name: String {
            switch self {
            case .connectRefused: "connect_refused"
            case .unreachable: "unreachable"
            case .dns: "dns"
            case .tls: "tls"
            case .timeout: "timeout"
            case .reset: "reset"
            case .tooLarge: "too_large"
            case .httpStatus(let status, _): "http_\(status)"
            case .cancelled: "cancelled"
            case .notHTTP: "not_http"
            case .other: "transport_other"
            }
        }
    }

    public var cause: Cause
    public var message: String

    public init(_ cause: Cause, _ message: String) {
        self.cause = cause
        self.message = message
    }

    public var description: String { "\(cause.name): \(message)" }
}
