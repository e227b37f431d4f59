import HTTPTypes
import Hummingbird
import NIOCore
import Settlement

/// `/livez`: the process answers. `/readyz`: a notification could be stored durably now. `/healthz`: both, in words.
struct HealthRoute: Sendable {
    let readiness: Readiness

    func live() -> Response { Self.text(.ok, "ok\n") }

    func ready() async -> Response {
        switch await readiness.check() {
        case .ready: Self.text(.ok, "ready\n")
        case .unready(let reason): Self.text(.serviceUnavailable, "not ready: \(reason)\n")
        }
    }

    static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
