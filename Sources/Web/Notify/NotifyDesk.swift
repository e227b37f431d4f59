import Alipay
import FailPoints
import NIOCore
import NIOHTTP1
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
        let status: HTTPResponseStatus
        let cause: String
        var fields: [(name: String, value: String)] = []

        static let bodyTooLarge = Refusal(status: .payloadTooLarge, cause: "body_too_large")
        static let bodyTooSlow = Refusal(status: .requestTimeout, cause: "body_too_slow")
    }

    func receive(_ head: HTTPRequestHead, expecting expectation: BodyExpectation) -> Reception {
        // A path has one more segment, taken as it stands: no decoding, so no second spelling of a source exists.
        let path = head.uri.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard let source = intake.source(named: Substring(path.dropFirst(Self.prefix.utf8.count))) else {
            return .refuse(Refusal(status: .notFound, cause: "unknown_source"))
        }
        guard head.method == .POST else {
            return .refuse(
                Refusal(status: .methodNotAllowed, cause: "method_not_allowed", fields: [("Allow", "POST")]))
        }
        guard expectation != .unknown else {
            return .cutOff(Refusal(status: .expectationFailed, cause: "unknown_expectation"))
        }
        guard head.headers.count <= limits.headers else {
            return .refuse(Refusal(status: .requestHeaderFieldsTooLarge, cause: "too_many_headers"))
        }
        guard !head.headers.contains(name: "Content-Encoding") else {
            return .refuse(Refusal(status: .unsupportedMediaType, cause: "content_encoding"))
        }
        if let declared = head.headers.first(name: "Content-Length").flatMap({ Int($0) }), declared > limits.body {
            return .cutOff(.bodyTooLarge)
        }
        return .take(source)
    }

    /// Takes a whole body in. `answer` is called once, on any thread.
    func take(
        _ body: [UInt8], _ head: HTTPRequestHead, from peer: String?, at source: Source,
        answer: @escaping @Sendable (Answer) -> Void
    ) {
        let started = ContinuousClock.now
        if let mark = head.uri.utf8.firstIndex(of: UInt8(ascii: "?")),
            repeats(Substring(head.uri.utf8[mark...].dropFirst()), in: body)
        {
            return answer(refusal(Refusal(status: .badRequest, cause: "query_conflict")))
        }
        let delivery = Delivery(
            body: body, contentType: head.headers.only("Content-Type"),
            remoteAddress: peer.map { address.of(head.headers.only(ClientAddress.forwardedFor), peer: $0) })
        intake.receive(delivery, at: source) { [self] receipt in
            switch receipt {
            case .acknowledged(let acknowledgement, _):
                metrics.ackDuration(.now - started)
                answer(Answer(acknowledgement))
            case .refused(let status, let cause):
                answer(
                    refusal(
                        Refusal(
                            status: .init(statusCode: status), cause: cause,
                            fields: status == 429 ? [("Retry-After", "60")] : []), isCounted: true))
            case .unavailable(let cause):
                answer(
                    refusal(
                        Refusal(status: .serviceUnavailable, cause: cause, fields: [("Retry-After", "5")]),
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
        private let status: HTTPResponseStatus
        private let contentType: String
        private let fields: [(name: String, value: String)]
        private let body: [UInt8]
        /// Whether it tells the sender that the notification is held.
        let isAcknowledgement: Bool

        init(_ acknowledgement: Acknowledgement) {
            status = .ok
            contentType = acknowledgement.contentType
            fields = []
            body = acknowledgement.body
            isAcknowledgement = true
        }

        init(_ refusal: Refusal) {
            status = refusal.status
            contentType = "text/plain; charset=utf-8"
            fields = refusal.fields
            body = Acknowledgement.refusal.body
            isAcknowledgement = false
        }

        /// The whole message, as HTTP/1.1 writes it.
        func bytes(keepsOpen: Bool, in allocator: ByteBufferAllocator) -> ByteBuffer {
            var bytes = allocator.buffer(capacity: 192 + body.count)
            bytes.writeString("HTTP/1.1 ")
            bytes.writeString(String(status.code))
            bytes.writeString(" ")
            bytes.writeString(status.reasonPhrase)
            bytes.writeField("Content-Type", contentType)
            bytes.writeField("Content-Length", String(body.count))
            bytes.writeField("Date", HTTPDate.now)
            for field in fields { bytes.writeField(field.name, field.value) }
            if !keepsOpen { bytes.writeField("Connection", "close") }
            bytes.writeString("\r\n\r\n")
            bytes.writeBytes(body)
            return bytes
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeField(_ name: StaticString, _ value: String) {
        writeString("\r\n")
        writeStaticString(name)
        writeString(": ")
        writeString(value)
    }

    fileprivate mutating func writeField(_ name: String, _ value: String) {
        writeString("\r\n\(name): \(value)")
    }
}

/// What a sender expects before it sends the body (RFC 9110, 10.1.1).
enum BodyExpectation {
    case none
    /// It holds the body back until it is told to go on.
    case toContinue
    case unknown
}

extension HTTPRequestHead {
    /// HTTP/1.0 has none: there the field means nothing.
    var expectation: BodyExpectation {
        guard version.minor != 0, let text = headers.only("Expect") else { return .none }
        return text.lowercased() == "100-continue" ? .toContinue : .unknown
    }
}

extension HTTPHeaders {
    /// The value of a field; of several, which no honest sender writes, all in one, so that none of them passes for the only one.
    fileprivate func only(_ name: String) -> String? {
        guard let first = first(name: name) else { return nil }
        let all = self[name]
        return all.count < 2 ? first : all.joined(separator: ", ")
    }
}
