import Alipay
import FailPoints
import HTTPTypes
import NIOCore
import Settlement
import Telemetry

/// `POST /notify/{source}`: what is asked of a request before its body counts, and what answers it.
///
/// The answer is exactly what the source's acknowledgement says, after the commit and not before. Everything else gets
/// the static body `fail`, which Alipay takes for "not received", with a status that says why.
final class NotifyDesk: Sendable {
    static let prefix = "/notify/"

    let intake: Intake
    let limits: WebLimits
    private let address: ClientAddress
    private let metrics: Metrics

    init(intake: Intake, limits: WebLimits, address: ClientAddress, metrics: Metrics) {
        self.intake = intake
        self.limits = limits
        self.address = address
        self.metrics = metrics
    }

    /// What a request's head leads to.
    enum Reception {
        /// Its body is read and taken in.
        case take(Source)
        /// It is answered without a look at its body, when that has come.
        case refuse(Refusal)
        /// It is answered at once, and nothing more is read.
        case cutOff(Refusal)
    }

    struct Refusal: Sendable {
        let status: HTTPResponse.Status
        let cause: String
        var fields: [(HTTPField.Name, String)] = []

        static let bodyTooLarge = Refusal(status: .contentTooLarge, cause: "body_too_large")
        static let bodyTooSlow = Refusal(status: .requestTimeout, cause: "body_too_slow")
    }

    func receive(_ head: HTTPRequest) -> Reception {
        // A path has one more segment, taken as it stands: no decoding, so no second spelling of a source exists.
        let path = head.path.map { $0.prefix { $0 != "?" } } ?? ""
        guard let source = intake.source(named: path.dropFirst(Self.prefix.count)) else {
            return .refuse(Refusal(status: .notFound, cause: "unknown_source"))
        }
        guard head.method == .post else {
            return .refuse(
                Refusal(status: .methodNotAllowed, cause: "method_not_allowed", fields: [(.allow, "POST")]))
        }
        guard head.headerFields.count <= limits.headers else {
            return .refuse(Refusal(status: .requestHeaderFieldsTooLarge, cause: "too_many_headers"))
        }
        guard head.headerFields[.contentEncoding] == nil else {
            return .refuse(Refusal(status: .unsupportedMediaType, cause: "content_encoding"))
        }
        if let declared = head.headerFields[.contentLength].flatMap({ Int($0) }), declared > limits.body {
            return .cutOff(.bodyTooLarge)
        }
        return .take(source)
    }

    /// Takes a whole body in. `answer` is called once, on any thread.
    func take(
        _ body: [UInt8], _ head: HTTPRequest, from peer: String?, at source: Source,
        answer: @escaping @Sendable (Answer) -> Void
    ) {
        let started = ContinuousClock.now
        if let query = head.path.flatMap({ $0.firstIndex(of: "?").map($0.suffix(from:)) })?.dropFirst(),
            repeats(query, in: body)
        {
            return answer(refusal(Refusal(status: .badRequest, cause: "query_conflict")))
        }
        let delivery = Delivery(
            body: body, contentType: head.headerFields[.contentType],
            remoteAddress: peer.map { address.of(head.headerFields, peer: $0) })
        intake.receive(delivery, at: source) { [self] receipt in
            switch receipt {
            case .acknowledged(let acknowledgement, _):
                metrics.ackDuration(.now - started)
                answer(Answer(acknowledgement))
            case .refused(let status, let cause):
                answer(
                    refusal(
                        Refusal(
                            status: .init(code: status), cause: cause,
                            fields: status == 429 ? [(.retryAfter, "60")] : []), isCounted: true))
            case .unavailable(let cause):
                answer(
                    refusal(
                        Refusal(status: .serviceUnavailable, cause: cause, fields: [(.retryAfter, "5")]),
                        isCounted: true))
            }
        }
    }

    /// - Parameter isCounted: whether the intake has counted it already.
    func refusal(_ refusal: Refusal, isCounted: Bool = false) -> Answer {
        if !isCounted { metrics.rejected(cause: refusal.cause) }
        return Answer(refusal)
    }

    /// Whether a name in the query string is also in the body. The query is never merged, so a repeated name is somebody's
    /// attempt to have it read twice.
    private func repeats(_ query: Substring, in body: [UInt8]) -> Bool {
        guard !query.isEmpty, let asked = try? FormBody(parsing: Array(query.utf8)),
            let form = try? FormBody(parsing: body)
        else { return false }
        let names = Set(form.parameters.map(\.name))
        return asked.parameters.contains { names.contains($0.name) }
    }

    /// What goes back over the wire.
    struct Answer: Sendable {
        var head: HTTPResponse
        let body: [UInt8]
        /// Whether it tells the sender that the notification is held.
        let isAcknowledgement: Bool

        init(_ acknowledgement: Acknowledgement) {
            body = acknowledgement.body
            isAcknowledgement = true
            head = Self.head(.ok, acknowledgement.contentType, body.count)
        }

        init(_ refusal: Refusal) {
            body = Acknowledgement.refusal.body
            isAcknowledgement = false
            head = Self.head(refusal.status, "text/plain; charset=utf-8", body.count)
            for (name, value) in refusal.fields { head.headerFields[name] = value }
        }

        private static func head(_ status: HTTPResponse.Status, _ contentType: String, _ length: Int) -> HTTPResponse {
            HTTPResponse(
                status: status,
                headerFields: [
                    .contentType: contentType, .contentLength: String(length), .date: HTTPDate.now,
                ])
        }
    }
}
