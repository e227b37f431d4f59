import Synchronization
import Testing
import Wire

@testable import Taobao

@Suite struct TaobaoClientTests {
    /// Answers with what it was given, and keeps what it was asked.
    private final class Gateway: GatewayTransport {
        let answer: Result<TransportAnswer, TransportError>
        private let bodies = Mutex<[String]>([])
        var asked: [String] { bodies.withLock { $0 } }

        init(_ answer: Result<TransportAnswer, TransportError>) { self.answer = answer }

        func post(url: String, contentType: String, body: [UInt8], deadline: Duration) async throws(TransportError)
            -> TransportAnswer
        {
            bodies.withLock { $0.append("\(url) \(contentType) \(String(decoding: body, as: UTF8.self))") }
            return try answer.get()
        }
    }

    private static func ask(_ gateway: Gateway) async throws -> AgreementPayAnswer {
        let app = TaobaoApp(
            gateway: try GatewayAddress("https://eco.taobao.com/router/rest"), appKey: "12345678", secret: "helloworld")
        return await TaobaoClient(app: app, transport: gateway, now: { 1_774_000_000_000_000 })
            .agreementPay(try WithholdingOrder(bizOrderID: "12838882", payBizCode: "R1"))
    }

    private static func bill(id: String?, code: String?) -> TransportAnswer {
        let members = [id.map { #""biz_order_id":"\#($0)""# }, code.map { #""pay_biz_code":"\#($0)""# }].compactMap {
            $0
        }
        let module = (members + [#""pay_status":"INIT""#]).joined(separator: ",")
        return TransportAnswer(status: 200, body: Array(#"{"result":{"success":true,"module":{\#(module)}}}"#.utf8))
    }

    @Test func `a call is posted to the gateway once, signed, at the time in China`() async throws {
        let gateway = Gateway(.success(Self.bill(id: "12838882", code: "R1")))
        guard case .bill(let bill, let evidence) = try await Self.ask(gateway) else {
            Issue.record("no bill")
            return
        }
        #expect(bill.status == .initial && evidence.receivedAt == 1_774_000_000_000_000)
        #expect(gateway.asked.count == 1)
        let asked = try #require(gateway.asked.first)
        #expect(asked.hasPrefix("https://eco.taobao.com/router/rest application/x-www-form-urlencoded;charset=utf-8 "))
        #expect(asked.contains("&timestamp=2026-03-20+17%3A46%3A40&"))
    }

    @Test(arguments: [
        ("12838883", "R1"), ("12838882", "R2"), (nil, "R1"), ("12838882", nil), (nil, nil),
    ])
    func `an answer that does not name the order counts for nothing`(id: String?, code: String?) async throws {
        guard case .failure(let failure) = try await Self.ask(Gateway(.success(Self.bill(id: id, code: code)))) else {
            Issue.record("a bill")
            return
        }
        #expect(failure.kind == .retry && failure.cause == "wrong_echo" && failure.rawBody != nil)
    }

    static let failures: [(Result<TransportAnswer, TransportError>, TOPFailure.Kind, String)] = [
        (.failure(TransportError(.timeout, "late")), .retry, "timeout"),
        (.failure(TransportError(.tls, "self-signed")), .retry, "tls"),
        (.success(TransportAnswer(status: 502, body: Array("<html>".utf8))), .retry, "http_502"),
        (
            .success(TransportAnswer(status: 400, body: Array(#"{"error_response":{"code":7}}"#.utf8))), .retry,
            "http_400"
        ),
        (
            .success(TransportAnswer(status: 429, retryAfter: .seconds(9), body: [])),
            .throttle(.init(.seconds(9))), "http_429"
        ),
        (.success(TransportAnswer(status: 429, body: [])), .throttle(.init(.seconds(60))), "http_429"),
    ]

    @Test(arguments: failures.indices)
    func `no answer is a failure of its own kind`(index: Int) async throws {
        let (answer, kind, cause) = Self.failures[index]
        guard case .failure(let failure) = try await Self.ask(Gateway(answer)) else {
            Issue.record("a bill")
            return
        }
        #expect(failure.kind == kind && failure.cause == cause)
    }
}
