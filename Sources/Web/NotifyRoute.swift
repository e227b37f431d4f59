import Alipay
import FailPoints
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Settlement
import Telemetry

/// `POST /notify/{source}`: takes one notification and answers exactly what the source's acknowledgement says, after the
/// commit and not before.
///
/// Everything else gets the static body `fail`, which Alipay takes for "not received", with a status that says why.
final class NotifyRoute: Sendable {
    static let prefix = "/notify/"

    let intake: Intake
    let limits: WebLimits
    let address: ClientAddress
    let metrics: Metrics

    init(intake: Intake, limits: WebLimits, address: ClientAddress, metrics: Metrics) {
        self.intake = intake
        self.limits = limits
        self.address = address
        self.metrics = metrics
    }

    func respond(to request: Request, context: WebContext) async -> Response {
        let started = ContinuousClock.now
        // A path has one more segment, taken as it stands: no decoding, so no second spelling of a source exists.
        guard let source = intake.sources[String(request.uri.path.dropFirst(Self.prefix.count))] else {
            return refusal(.notFound, "unknown_source")
        }
        guard request.method == .post else {
            return refusal(.methodNotAllowed, "method_not_allowed", [(.allow, "POST")])
        }
        guard request.headers.count <= limits.headers else {
            return refusal(.requestHeaderFieldsTooLarge, "too_many_headers")
        }
        guard request.headers[.contentEncoding] == nil else {
            return refusal(.unsupportedMediaType, "content_encoding")
        }
        let body: [UInt8]
        do {
            body = try await request.wholeBody(limits)
        } catch {
            return refusal(error.status, error.cause, [(.connection, "close")])
        }
        if let query = request.uri.query, repeats(query, in: body) {
            return refusal(.badRequest, "query_conflict")
        }
        let receipt = await intake.receive(
            Delivery(
                body: body, contentType: request.headers[.contentType], remoteAddress: address.of(request, context)),
            at: source)
        switch receipt {
        case .acknowledged(let acknowledgement, _):
            metrics.ackDuration(.now - started)
            return Self.acknowledge(acknowledgement)
        case .refused(let status, let cause):
            return refusal(
                .init(code: status), cause, counted: false, status == 429 ? [(.retryAfter, "60")] : [])
        case .unavailable(let cause):
            return refusal(.serviceUnavailable, cause, counted: false, [(.retryAfter, "5")])
        }
    }

    private static func acknowledge(_ acknowledgement: Acknowledgement) -> Response {
        let headers: HTTPFields = [.contentType: acknowledgement.contentType]
        let buffer = ByteBuffer(bytes: acknowledgement.body)
        guard FailPoint.isArmed else { return Response(status: .ok, headers: headers, body: .init(byteBuffer: buffer)) }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(contentLength: buffer.readableBytes) { writer in
                try await writer.write(buffer)
                try await writer.finish(nil)
                try FailPoint.reach("intake.answered")
            })
    }

    /// Whether a name in the query string is also in the body. The query is never merged, so a repeated name is somebody's
    /// attempt to have it read twice.
    private func repeats(_ query: String, in body: [UInt8]) -> Bool {
        guard !query.isEmpty, let asked = try? FormBody(parsing: Array(query.utf8)),
            let form = try? FormBody(parsing: body)
        else { return false }
        let names = Set(form.parameters.map(\.name))
        return asked.parameters.contains { names.contains($0.name) }
    }

    private func refusal(
        _ status: HTTPResponse.Status, _ cause: String, counted: Bool = true,
        _ fields: [(HTTPField.Name, String)] = []
    ) -> Response {
        if counted { metrics.rejected(cause: cause) }
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
        for (name, value) in fields { headers[name] = value }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: "fail")))
    }
}
