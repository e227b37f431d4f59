import Testing
import Wire

@testable import Alipay

/// Answers every call with the same words and remembers what it was asked.
private actor ScriptedTransport: GatewayTransport {
    private let answer: Result<TransportAnswer, TransportError>
    private(set) var asked: [(url: String, contentType: String, body: [UInt8], deadline: Duration)] = []

    init(_ answer: Result<TransportAnswer, TransportError>) { self.answer = answer }

    init(status: Int = 200, retryAfter: Duration? = nil, _ body: [UInt8]) {
        answer = .success(TransportAnswer(status: status, retryAfter: retryAfter, body: body))
    }

    func post(
        url: String, contentType: String, body: [UInt8], deadline: Duration
    ) async throws(TransportError) -> TransportAnswer {
        asked.append((url, contentType, body, deadline))
        return try answer.get()
    }
}

@Suite struct GatewayClientTests {
    private func ask(
        _ transport: ScriptedTransport, _ subject: PayResultQuery.Subject = .tradeNo("T1"), token: String? = nil
    ) async throws -> PayResultAnswer {
        // 2026-03-18 03:07:50 in Shanghai.
        let client = GatewayClient(
            app: try GatewayVectors.app(), transport: transport, deadline: .seconds(7),
            now: { 1_773_774_470_123_456 })
        return await client.payResult(subject, appAuthToken: token)
    }

    private func failure(
        _ transport: ScriptedTransport, _ subject: PayResultQuery.Subject = .tradeNo("T1")
    ) async throws -> GatewayFailure {
        guard case .failure(let failure) = try await ask(transport, subject) else { throw Known() }
        return failure
    }

    private struct Known: Error {}

    @Test func `a signed answer becomes a result with the evidence to prove it again`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid())
        let transport = ScriptedTransport(body)
        guard case .known(let result, let evidence) = try await ask(transport, token: "A/T=") else { throw Known() }
        #expect(result.tradeNo == "T1" && result.totalAmount.fen == 1021)
        let app = try GatewayVectors.app()
        #expect(evidence.method == PayResultQuery.method && evidence.rawBody == body && evidence.algorithm == .rsa2)
        #expect(evidence.keyFingerprint == app.alipayKeys[0].fingerprint && evidence.charset == .utf8)
        #expect(evidence.receivedAt == 1_773_774_470_123_456)
        let again = try Envelope.open(evidence.rawBody, method: evidence.method, app: app)
        #expect(again.signature == evidence.signature && again.isSuccess)

        let asked = try #require(await transport.asked.first)
        #expect(await transport.asked.count == 1)
        #expect(asked.url.hasPrefix("https://openapi.alipay.com/gateway.do?app_id=2014072300007148&charset=utf-8&"))
        #expect(asked.url.contains("&timestamp=2026-03-18+03%3A07%3A50&"))
        #expect(
            String(decoding: asked.body, as: UTF8.self)
                == "app_auth_token=A%2FT%3D&biz_content=%7B%22trade_no%22%3A%22T1%22%7D")
        #expect(asked.deadline == .seconds(7))
    }

    @Test(
        arguments: [
            ("\"T2\"", "wrong_echo", FailureClass.transport), (nil, "wrong_echo", .transport),
            ("\"\"", "wrong_echo", .transport),
            ("\"t1\"", "wrong_echo", .transport), ("\"T1 \"", "wrong_echo", .transport),
        ] as [(String?, String, FailureClass)])
    func `an answer about another trade is no answer`(echo: String?, cause: String, kind: FailureClass) async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["trade_no": echo]))
        let failure = try await failure(ScriptedTransport(body))
        #expect(failure.kind == kind && failure.cause == cause && failure.signed && failure.rawBody == body)
    }

    @Test func `asked by token, whatever trade it is about is the answer, and it must name one`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["trade_no": "\"T9\""]))
        guard case .known(let result, _) = try await ask(ScriptedTransport(body), .queryToken("K")) else {
            throw Known()
        }
        #expect(result.tradeNo == "T9")
        let nameless = try SignedAnswer.body(SignedAnswer.paid(["trade_no": nil]))
        let failure = try await failure(ScriptedTransport(nameless), .queryToken("K"))
        #expect(failure.kind == .malformed && failure.cause == "unreadable_trade_no" && failure.signed)
    }

    @Test func `a number as trade number is compared by its digits`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["trade_no": "2017070321001004170201038448"]))
        let answer = try await ask(ScriptedTransport(body), .tradeNo("2017070321001004170201038448"))
        guard case .known(let result, _) = answer else { throw Known() }
        #expect(result.tradeNo == "2017070321001004170201038448")
    }

    @Test(arguments: [
        (#"{"code":"40004","sub_code":"PAY_INFO_NOT_EXISTING"}"#, FailureClass.notExisting, "PAY_INFO_NOT_EXISTING"),
        (
            #"{"code":"40004","sub_code":"PAY_INFO_BELONGING_TO_OTHERS"}"#, .belongsToOthers,
            "PAY_INFO_BELONGING_TO_OTHERS"
        ),
        (#"{"code":20000,"sub_code":"isp.unknow-error"}"#, .retry, "isp.unknow-error"),
        (#"{"code":"10003","msg":"order success pay inprocess"}"#, .pending, "10003"),
        (#"{"code":"40002","sub_code":"isv.invalid-signature"}"#, .operator, "isv.invalid-signature"),
        (#"{}"#, .retry, "no_code"),
    ])
    func `what the gateway says, signed, has its class`(node: String, kind: FailureClass, cause: String) async throws {
        let failure = try await failure(ScriptedTransport(try SignedAnswer.body(node)))
        #expect(failure.kind == kind && failure.cause == cause && failure.signed)
    }

    @Test func `what the gateway says without a signature stays unsigned`() async throws {
        let failure = try await failure(
            ScriptedTransport(Array(#"{"error_response":{"code":"40004","sub_code":"PAY_INFO_NOT_EXISTING"}}"#.utf8)))
        #expect(failure.kind == .notExisting && !failure.signed)
        #expect(failure.code == "40004" && failure.subCode == "PAY_INFO_NOT_EXISTING")
        #expect(failure.description == "not_existing: PAY_INFO_NOT_EXISTING (unsigned)")
    }

    @Test(arguments: [
        ("R12", FailureClass.untrusted, "missing_sign"), ("R18", .untrusted, "duplicate_node"),
        ("R19", .untrusted, "bad_signature"), ("R20", .transport, "wrong_node"), ("R14", .malformed, "not_decryptable"),
        ("R17", .retry, "aop.unknow-error"),
    ])
    func `an answer that proves nothing has its class and keeps its bytes`(
        id: String, kind: FailureClass, cause: String
    ) async throws {
        let body = try GatewayVectors.response(id).body
        let failure = try await failure(ScriptedTransport(body))
        #expect(failure.kind == kind && failure.cause == cause && !failure.signed && failure.rawBody == body)
    }

    @Test(arguments: [
        (301, FailureClass.transport), (204, .transport), (400, .transport), (403, .transport), (404, .transport),
        (429, .throttle), (500, .transport), (502, .transport), (503, .transport), (504, .transport),
    ])
    func `every status but 200 is a fault of the way, whatever the body says`(status: Int, kind: FailureClass)
        async throws
    {
        let body = try SignedAnswer.body(SignedAnswer.paid())
        let failure = try await failure(ScriptedTransport(status: status, retryAfter: .seconds(9), body))
        #expect(failure.kind == kind && failure.cause == "http_\(status)" && !failure.signed)
        #expect(failure.retryAfter == .seconds(9))
    }

    @Test func `a fault of the way keeps its cause`() async throws {
        for cause in [TransportError.Cause.timeout, .reset, .dns, .tls, .connectRefused, .tooLarge, .cancelled] {
            let failure = try await failure(ScriptedTransport(.failure(TransportError(cause, "m"))))
            #expect(failure.kind == .transport && failure.cause == cause.name && failure.rawBody == nil)
        }
    }

    @Test func `a signed answer whose money cannot be read is malformed`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["total_amount": "1e3"]))
        let failure = try await failure(ScriptedTransport(body))
        #expect(failure.kind == .malformed && failure.cause == "unreadable_total_amount" && failure.signed)
    }

    @Test func `a success read in another charset than asked is not believed`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["buyer_logon_id": "\"物业费\""]), charset: .gbk)
        let failure = try await failure(ScriptedTransport(body))
        #expect(failure.kind == .untrusted && failure.cause == "not_in_charset")
    }

    @Test func `a message is cut to what a log line can bear`() async throws {
        let long = String(repeating: "x", count: 10_000)
        let failure = try await failure(
            ScriptedTransport(try SignedAnswer.body(#"{"code":"40004","sub_msg":"\#(long)"}"#)))
        #expect(failure.message.count == 500)
    }
}
