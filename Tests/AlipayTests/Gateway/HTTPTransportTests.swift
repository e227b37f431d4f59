import TestSupport
import Testing
import Wire

@testable import Alipay

/// Real sockets on loopback; each test has a server and a client of its own.
@Suite struct HTTPTransportTests {
    private func post(
        _ server: LoopbackServer, deadline: Duration = .seconds(120)
    ) async -> Result<TransportAnswer, TransportError> {
        // Without this the server might end as soon as its address is known.
        defer { withExtendedLifetime(server) {} }
        return await post(server.url, deadline: deadline)
    }

    private func post(
        _ url: String, deadline: Duration = .seconds(120)
    ) async -> Result<TransportAnswer, TransportError> {
        let transport = HTTPTransport()
        let result = await post(url, transport, deadline: deadline)
        await transport.shutdown()
        return result
    }

    private func post(
        _ url: String, _ transport: HTTPTransport, deadline: Duration = .seconds(120)
    ) async -> Result<TransportAnswer, TransportError> {
        let result: Result<TransportAnswer, TransportError>
        do throws(TransportError) {
            result = .success(
                try await transport.post(
                    url: url + "?a=1", contentType: "application/x-www-form-urlencoded;charset=utf-8",
                    body: Array("biz_content=%7B%7D".utf8), deadline: deadline))
        } catch {
            result = .failure(error)
        }
        return result
    }

    private func cause(_ result: Result<TransportAnswer, TransportError>) -> String {
        switch result {
        case .success(let answer): "answered \(answer.status)"
        case .failure(let error): error.cause.name
        }
    }

    private func ok(_ body: String, length: Int? = nil) -> LoopbackServer.Script {
        .answer("HTTP/1.1 200 OK\r\nContent-Length: \(length ?? body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
    }

    @Test func `a request arrives as it was signed and its answer comes back whole`() async throws {
        let server = try LoopbackServer(
            .answer("HTTP/1.1 200 OK\r\ntrace_id: abc\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}"))
        let answer = try await post(server).get()
        #expect(answer == TransportAnswer(status: 200, traceID: "abc", body: Array("{}".utf8)))
        let request = try #require(server.seen.first)
        #expect(server.seen.count == 1)
        #expect(
            request.hasPrefix("POST /gateway.do?a=1 HTTP/1.1\r\n") && request.hasSuffix("\r\n\r\nbiz_content=%7B%7D"))
        #expect(request.contains("Content-Type: application/x-www-form-urlencoded;charset=utf-8\r\n"))
    }

    @Test func `a port on which nobody listens refuses, at once and once`() async throws {
        let started = ContinuousClock.now
        let refused = try await LoopbackServer.withRefusingURL { await post($0) }
        #expect(cause(refused) == "connect_refused")
        #expect(ContinuousClock.now - started < .seconds(60))
    }

    @Test func `a name without an address is a fault of DNS`() async {
        // Labels have at most 63 characters, so no server needs to be asked.
        let label = String(repeating: "x", count: 70)
        #expect(cause(await post("http://\(label).invalid/gateway.do")) == "dns")
    }

    @Test func `what speaks no TLS is a fault of TLS`() async throws {
        let server = try LoopbackServer(.greeting("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
        #expect(cause(await post(server.url.replacing("http:", with: "https:"))) == "tls")
        withExtendedLifetime(server) {}
    }

    @Test(arguments: TLSServer.Certificate.allCases)
    func `only a certificate for this host, in its time, from a root that is trusted, leads to an answer`(
        certificate: TLSServer.Certificate
    ) async throws {
        let transport = try HTTPTransport(trustedRoots: TLSServer.root)
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".utf8)
        let found = try await TLSServer.with(certificate, answer: answer) { cause(await post($0, transport)) }
        #expect(found == (certificate == .good ? "answered 200" : "tls"))
        // The system's roots know none of them.
        let usual = try await TLSServer.with(certificate, answer: answer) { cause(await post($0)) }
        #expect(usual == "tls")
        await transport.shutdown()
    }

    @Test func `a port that drops every connection is a timeout`() async throws {
        let started = ContinuousClock.now
        let found = try await LoopbackServer.withBlackHole { await post($0, deadline: .milliseconds(300)) }
        #expect(cause(found) == "timeout")
        #expect(ContinuousClock.now - started < .seconds(60))
    }

    @Test func `a connection that is cut is a reset, before the answer, in its head and in its body`() async throws {
        let scripts: [LoopbackServer.Script] = [
            .reset, .answer(""), .answer("HTTP/1.1 200 O"), .answer("HTTP/1.1 200 OK\r\nContent-Le"),
            ok("{\"a\":", length: 100), .resetAfter("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":"),
            .answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"),
        ]
        for script in scripts {
            let server = try LoopbackServer(script)
            #expect(cause(await post(server)) == "reset", "\(script)")
            #expect(server.seen.count == 1, "nothing is sent twice: \(script)")
        }
    }

    @Test func `what is no HTTP is called so`() async throws {
        let server = try LoopbackServer(.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
        #expect(cause(await post(server)) == "not_http")
    }

    @Test func `half an answer without a length is handed on and found to be no JSON`() async throws {
        let server = try LoopbackServer(
            .answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"error_response\":{\"co"))
        let failure = try await ask(server)
        #expect(failure.kind == .transport && failure.cause == "not_json")
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", FailureClass.transport, "empty"),
        ("HTTP/1.1 204 No Content\r\n\r\n", .transport, "http_204"),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", .transport,
            "not_json"
        ),
        ("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}", .transport, "http_500"),
        ("HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n", .transport, "http_502"),
        ("HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", .transport, "http_503"),
        ("HTTP/1.1 504 X\r\nContent-Length: 0\r\n\r\n", .transport, "http_504"),
    ])
    func `answers that are none have their cause`(answer: String, kind: FailureClass, cause: String) async throws {
        let failure = try await ask(LoopbackServer(.answer(answer)))
        #expect(failure.kind == kind && failure.cause == cause && !failure.signed)
    }

    @Test func `a redirect is not followed`() async throws {
        let other = try LoopbackServer(ok("{}"))
        let server = try LoopbackServer(
            .answer("HTTP/1.1 301 Moved\r\nLocation: \(other.url)\r\nContent-Length: 0\r\n\r\n"))
        #expect(try await ask(server).cause == "http_301")
        #expect(other.seen.isEmpty)
    }

    @Test(
        arguments: [
            ("7", .seconds(7)), ("0", .zero), ("999999999", .seconds(86_400)),
            ("9999999999999999999", nil), ("-1", nil), ("1.5", nil), ("", nil), ("Wed, 21 Oct 2026 07:28:00 GMT", nil),
        ] as [(String, Duration?)])
    func `too many requests say how long to wait, in seconds`(header: String, wait: Duration?) async throws {
        let failure = try await ask(
            LoopbackServer(.answer("HTTP/1.1 429 X\r\nRetry-After: \(header)\r\nContent-Length: 0\r\n\r\n")))
        #expect(failure.kind == .throttle && failure.cause == "http_429" && failure.retryAfter == wait)
    }

    @Test func `silence, and an answer that drips without end, are cut at the deadline`() async throws {
        let scripts: [LoopbackServer.Script] = [
            .silence, .drip("HTTP/1.1 200 OK\r\nX: "), .drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"),
            .drip("HTTP/1.1 200 OK\r\n\r\n{"),
        ]
        for script in scripts {
            let server = try LoopbackServer(script)
            let started = ContinuousClock.now
            #expect(cause(await post(server, deadline: .milliseconds(200))) == "timeout", "\(script)")
            let took = ContinuousClock.now - started
            #expect(took >= .milliseconds(200) && took < .seconds(60), "\(script)")
        }
    }

    @Test func `an answer of five megabytes is not read to its end, whether it says its size or not`() async throws {
        let body = String(repeating: " ", count: 5 << 20)
        for head in ["Content-Length: \(body.utf8.count)", "Connection: close"] {
            let server = try LoopbackServer(.answer("HTTP/1.1 200 OK\r\n\(head)\r\n\r\n\(body)"))
            #expect(cause(await post(server)) == "too_large")
        }
        let largest = String(repeating: " ", count: HTTPTransport.maximumAnswerSize)
        #expect(try await post(LoopbackServer(ok(largest))).get().body.count == HTTPTransport.maximumAnswerSize)
    }

    @Test func `a caller that gives up is told so`() async throws {
        let server = try LoopbackServer(.silence)
        let call = Task { cause(await post(server)) }
        call.cancel()
        #expect(await call.value == "cancelled")
    }

    @Test func `the gateway's GBK excuse is read although UTF-8 was asked for`() async throws {
        let body = try GatewayVectors.response("R17").body
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
        let failure = try await ask(LoopbackServer(.bytes(head + body)))
        #expect(failure.kind == .retry && failure.code == "20000" && !failure.signed)
        #expect(failure.message.contains("系统繁忙"))
    }

    @Test func `a signed answer makes the whole way`() async throws {
        let body = try SignedAnswer.body(SignedAnswer.paid())
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8)
        let server = try LoopbackServer(.bytes(head + body))
        guard case .known(let result, let evidence) = try await answer(of: server) else { throw Unexpected() }
        #expect(result.tradeNo == "T1" && evidence.rawBody == body)
    }

    private struct Unexpected: Error {}

    private func ask(_ server: LoopbackServer) async throws -> GatewayFailure {
        guard case .failure(let failure) = try await answer(of: server) else { throw Unexpected() }
        return failure
    }

    private func answer(of server: LoopbackServer) async throws -> PayResultAnswer {
        var app = try GatewayVectors.app()
        app.gateway = try GatewayAddress(server.url)
        let transport = HTTPTransport()
        let answer = await GatewayClient(app: app, transport: transport).payResult(.tradeNo("T1"))
        await transport.shutdown()
        withExtendedLifetime(server) {}
        return answer
    }
}
