import Alipay
import JobQueue
import Logging
import Postgres
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Everything a gateway, or what stands between, may answer, over real sockets and through the real line: each job ends
/// settled, or where a person can see it with the cause in a word.
@Suite(.timeLimit(.minutes(5))) struct BadGatewayTests {
    /// How a job stood when the test had seen enough.
    private struct Ending {
        var state: String
        var outcome: String?
        var cause: String?
        var attempts: Int
        /// Of each attempt that did not simply end in done, in order.
        var causes: [String]
        var settlements: Int64
        var holdKey: String?
    }

    /// What is asked of the job that meets the answer.
    enum End: Sendable {
        /// Settled, after one attempt that failed so.
        case settlesAfter(String)
        /// Settled at once.
        case settles
        /// Failed or quarantined for good, with this cause.
        case ends(String, cause: String)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// The answer to the first question; the truth follows.
        let script: @Sendable (_ trade: String) throws -> LoopbackServer.Script
        let end: End
        var deadline = Duration.seconds(60)
        var testDescription: String { name }
    }

    private static func http(_ body: String, _ head: String = "200 OK") -> LoopbackServer.Script {
        .answer(
            "HTTP/1.1 \(head)\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(body)")
    }

    private static func truth(_ trade: String) throws -> LoopbackServer.Script {
        http(try SignedAnswer.body(SignedAnswer.paid(trade)))
    }

    /// An answer that is no answer, or not one that can be believed: it is asked again.
    private static func passing(
        _ name: String, _ cause: String, deadline: Duration = .seconds(60),
        _ script: @escaping @Sendable (String) throws -> LoopbackServer.Script
    ) -> Case {
        Case(name: name, script: script, end: .settlesAfter(cause), deadline: deadline)
    }

    static let connections: [Case] = [
        passing("reset after the request", "reset") { _ in .reset },
        passing("half of the announced body", "reset") { _ in
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"alipay_eco")
        },
        passing("half of a JSON text", "not_json") { _ in http("{\"alipay_eco_cplife_pay_result_query_response\":{\"co")
        },
        passing("200 with nothing", "empty") { _ in http("") },
        passing("200 with a page", "not_json") { _ in http("<html><body>busy</body></html>") },
        passing("204", "http_204") { _ in .answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n") },
        passing("500", "http_500") { _ in http("{}", "500 Internal Server Error") },
        passing("502", "http_502") { _ in http("", "502 Bad Gateway") },
        passing("503", "http_503") { _ in http("", "503 Service Unavailable") },
        passing("504", "http_504") { _ in http("", "504 Gateway Timeout") },
        passing("not HTTP", "not_http") { _ in .answer("SSH-2.0-OpenSSH_9.2\r\n\r\n") },
        passing("silence", "timeout", deadline: .milliseconds(700)) { _ in .silence },
        passing("a byte at a time", "timeout", deadline: .milliseconds(700)) { _ in
            .drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        },
        passing("100 MiB, announced", "too_large") { _ in
            .flood("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        },
        passing("a body without end", "too_large") { _ in .flood("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n") },
    ]

    static let contents: [Case] = [
        passing("signed by another key", "bad_signature") {
            http(try SignedAnswer.body(SignedAnswer.paid($0), signature: .foreign))
        },
        passing("signed over other bytes of the same meaning", "bad_signature") {
            let node = SignedAnswer.paid($0)
            return http(try SignedAnswer.body(node.replacing(",", with: ", "), signature: .over(node)))
        },
        passing("a success without sign", "missing_sign") {
            http(try SignedAnswer.body(SignedAnswer.paid($0), signature: .none))
        },
        passing("about another trade", "wrong_echo") { _ in
            http(try SignedAnswer.body(SignedAnswer.paid("2026112199999999999999999999")))
        },
        passing("a key twice in the node", "duplicate_node") {
            http(try SignedAnswer.body(SignedAnswer.paid($0, more: #","total_amount":"0.01""#)))
        },
        passing("a node twice", "duplicate_node") {
            let body = try SignedAnswer.body(SignedAnswer.paid($0))
            return http(String(body.dropLast()) + #","alipay_eco_cplife_pay_result_query_response":{"code":"10000"}}"#)
        },
        passing("two response nodes", "wrong_node") {
            let body = try SignedAnswer.body(SignedAnswer.paid($0))
            return http(String(body.dropLast()) + #","error_response":{"code":"10000"}}"#)
        },
        passing("the node of another method", "wrong_node") {
            http(try SignedAnswer.body(SignedAnswer.paid($0)).replacing("pay_result_query", with: "pay_other_query"))
        },
        passing("20000 in GBK, unsigned", "isp.unknow-error") { _ in
            let body =
                Array(#"{"error_response":{"code":"20000","msg":"x","sub_code":"isp.unknow-error","sub_msg":""#.utf8)
                + [0xCF, 0xB5, 0xCD, 0xB3, 0xB7, 0xB1, 0xC3, 0xA6] + Array(#""}}"#.utf8)
            return .bytes(
                Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n".utf8) + body)
        },
        passing("money with an exponent", "unreadable_total_amount") {
            http(try SignedAnswer.body(SignedAnswer.paid($0, total: "2.05e1")))
        },
        passing("money with three decimals", "unreadable_total_amount") {
            http(try SignedAnswer.body(SignedAnswer.paid($0, total: #""20.500""#)))
        },
        Case(
            name: "money as a number", script: { http(try SignedAnswer.body(SignedAnswer.paid($0, total: "20.50"))) },
            end: .settles),
        passing("40004 SYSTEM_ERROR", "SYSTEM_ERROR") { _ in http(try SignedAnswer.failure("40004", "SYSTEM_ERROR")) },
        passing("40004 of a new kind", "NEVER_SEEN") { _ in http(try SignedAnswer.failure("40004", "NEVER_SEEN")) },
        passing("40004 PAY_INFO_NOT_EXISTING", "PAY_INFO_NOT_EXISTING") { _ in
            http(try SignedAnswer.failure("40004", "PAY_INFO_NOT_EXISTING"))
        },
        passing("40004 INVALID_PARAMETER, unsigned", "INVALID_PARAMETER") { _ in
            http(try SignedAnswer.failure("40004", "INVALID_PARAMETER", signed: false))
        },
        Case(
            name: "40004 INVALID_PARAMETER",
            script: { _ in http(try SignedAnswer.failure("40004", "INVALID_PARAMETER")) },
            end: .ends("failed", cause: "INVALID_PARAMETER")),
        Case(
            name: "40004 PAY_INFO_BELONGING_TO_OTHERS",
            script: { _ in http(try SignedAnswer.failure("40004", "PAY_INFO_BELONGING_TO_OTHERS")) },
            end: .ends("quarantined", cause: "PAY_INFO_BELONGING_TO_OTHERS")),
        Case(
            name: "another seller",
            script: { http(try SignedAnswer.body(SignedAnswer.paid($0, seller: "2088000000000777"))) },
            end: .ends("quarantined", cause: "seller_mismatch")),
    ]

    @Test(.database, .serialized, arguments: connections)
    func `a connection that fails is asked again and settles once`(_ bad: Case) async throws { try await play(bad) }

    @Test(.database, .serialized, arguments: contents)
    func `an answer that is wrong in itself settles nothing, and the truth settles once`(_ bad: Case) async throws {
        try await play(bad)
    }

    private func play(_ bad: Case) async throws {
        let trade = Self.trade(for: bad.name)
        let server = try LoopbackServer([bad.script(trade), Self.truth(trade)])
        let ending = try await run(trade, at: server.url, deadline: bad.deadline)
        switch bad.end {
        case .settlesAfter(let cause):
            #expect(ending.outcome == "settled" && ending.settlements == 1 && ending.causes == [cause])
            #expect(ending.attempts == 1 && server.seen.count == 2)
        case .settles: #expect(ending.outcome == "settled" && ending.causes.isEmpty && server.seen.count == 1)
        case .ends(let state, let cause):
            #expect(ending.state == state && ending.cause == cause && ending.settlements == 0)
            #expect(server.seen.count == 1)
        }
    }

    @Test(.database) func `a redirect is not followed, whoever offers it`() async throws {
        let trade = Self.trade(for: "redirect")
        let other = try LoopbackServer(Self.truth(trade))
        let server = try LoopbackServer([
            .answer("HTTP/1.1 301 Moved\r\nLocation: \(other.url)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            .answer("HTTP/1.1 307 Moved\r\nLocation: \(other.url)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Self.truth(trade),
        ])
        let ending = try await run(trade, at: server.url)
        #expect(ending.outcome == "settled" && ending.causes == ["http_301", "http_307"])
        #expect(other.seen.isEmpty)
    }

    @Test(.database) func `too many requests are waited out as told and cost no attempt`() async throws {
        let trade = Self.trade(for: "429")
        let server = try LoopbackServer([
            .answer("HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Self.truth(trade),
        ])
        let started = ContinuousClock.now
        let ending = try await run(trade, at: server.url)
        #expect(ending.outcome == "settled" && ending.attempts == 0)
        #expect(ContinuousClock.now - started >= .seconds(1))
    }

    // MARK: What does not pass

    private let key = "gateway:\(TestHouse.appID)"

    @Test(.database) func `a port on which nobody listens holds the job`() async throws {
        let ending = try await LoopbackServer.withRefusingURL { try await run("T-refused", at: $0) }
        #expect(ending.state == "held" && ending.holdKey == key && ending.cause == "connect_refused")
    }

    @Test(.database) func `a network that drops every packet holds the job`() async throws {
        let ending = try await LoopbackServer.withBlackHole {
            try await run("T-hole", at: $0, deadline: .milliseconds(200))
        }
        #expect(ending.state == "held" && ending.holdKey == key && ending.cause == "timeout")
    }

    @Test(.database) func `a name without an address holds the job`() async throws {
        // Labels have at most 63 characters, so no server needs to be asked.
        let url = "https://\(String(repeating: "x", count: 70)).invalid/gateway.do"
        let ending = try await run("T-dns", at: url)
        #expect(ending.state == "held" && ending.holdKey == key && ending.cause == "dns")
    }

    @Test(.database, arguments: [TLSServer.Certificate.expired, .otherHost, .selfSigned])
    func `a certificate that is not to be trusted holds the job`(certificate: TLSServer.Certificate) async throws {
        let trade = Self.trade(for: "\(certificate)")
        let truth = try Self.body(of: Self.truth(trade))
        let ending = try await TLSServer.with(certificate, answer: truth) { try await run(trade, at: $0) }
        #expect(ending.state == "held" && ending.holdKey == key && ending.cause == "tls" && ending.settlements == 0)
    }

    @Test(.database) func `the same answer behind a certificate in order settles`() async throws {
        let truth = try Self.body(of: Self.truth("T-tls"))
        let ending = try await TLSServer.with(.good, answer: truth) { try await run("T-tls", at: $0) }
        #expect(ending.outcome == "settled")
    }

    private static func body(of script: LoopbackServer.Script) -> [UInt8] {
        if case .answer(let text) = script { Array(text.utf8) } else { [] }
    }

    // MARK: The line

    private static func trade(for name: String) -> String {
        "T" + String(name.utf8.reduce(UInt64(1_469_598_103_934_665_603)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 })
    }

    /// Runs one job through the queue, the door, HTTP and the ledger until it has ended or is held.
    private func run(_ trade: String, at url: String, deadline: Duration = .seconds(60)) async throws -> Ending {
        let app = GatewayApp(
            appID: TestHouse.appID, gateway: try GatewayAddress(url), privateKey: try TestKeys.app.get(),
            alipayKeys: [try TestKeys.alipay.get().publicKey])
        let transport = try HTTPTransport(trustedRoots: TLSServer.root)
        var limits = GatewayLimits(rate: 1_000, verdictWait: .milliseconds(1))
        limits.breaker.failures = 3
        let quick = RetryPolicy(first: .milliseconds(5), cap: .milliseconds(20), budget: .seconds(3600))
        let board = HoldBoard()
        let handler = PayResultHandler(
            keyring: Keyring(
                Credentials(
                    gateways: [TestHouse.appID: GatewayClient(app: app, transport: transport, deadline: deadline)],
                    doors: [TestHouse.appID: GatewayDoor(name: TestHouse.appID, limits: limits)],
                    merchants: TestHouse.merchants, sources: [])),
            holds: board, retry: RetryPolicies(usual: quick, notExisting: quick), metrics: Metrics())
        let lines = Notes<String>()
        let logger = Logger(label: "test", factory: { _ in ListeningLog(lines: lines) })
        let (endings, ended) = AsyncStream.makeStream(of: Void.self)
        // A queue of its own, because the cases of one test share a database.
        let queue = "q\(trade)"
        let ending = try await TestHouse.withPool(["claim": 1, "complete": 1, "upkeep": 2]) { pool in
            let runner = JobRunner(
                queue: queue, handler: handler, pool: pool,
                settings: RunnerSettings(
                    concurrency: 2, completers: 1, pollInterval: .milliseconds(20), dueInterval: .milliseconds(10)),
                retry: quick, holds: board,
                hooks: JobHooks(finished: { _, outcome, _ in
                    if !["retrying", "scheduled"].contains(outcome) { ended.yield() }
                }), logger: logger)
            let id = try await pool.transaction("work") { tx in
                try JobQueue.enqueue(
                    [NewJob(queue: queue, kind: PayResultJob.kind, args: TestAnswers.job(trade).args, subject: trade)],
                    in: tx)
            }.first?.jobID
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                for await _ in endings { break }
                group.cancelAll()
                try await group.waitForAll()
            }
            return try await look(try #require(id), trade, pool)
        }
        await transport.shutdown()
        try await expectNoSecret(in: lines.all)
        return ending
    }

    private func look(_ id: Int64, _ trade: String, _ pool: Pool) async throws -> Ending {
        let detail = try await pool.withConnection("work") { try await JobStore.show(id, on: $0) }
        let job = try #require(detail?.job)
        let settlements = try await TestDatabase.current.number(
            "SELECT count(*) FROM settled.settlements WHERE trade_no = '\(trade)'")
        return Ending(
            state: job.state.rawValue, outcome: job.outcome, cause: job.cause, attempts: job.attempt,
            causes: detail?.attempts.compactMap(\.cause) ?? [], settlements: settlements, holdKey: job.holdKey)
    }

    /// The token and the signatures that were sent stand in no line and in no text that people read.
    private func expectNoSecret(in lines: [String]) async throws {
        let texts = try await TestDatabase.current.text(
            """
            SELECT concat_ws(' ', (SELECT string_agg(concat_ws(' ', cause, message, note), ' ') FROM settled.job_list),
                                  (SELECT string_agg(message, ' ') FROM settled.job_attempts),
                                  (SELECT string_agg(reason, ' ') FROM settled.holds))
            """)
        for text in lines + [texts ?? ""] {
            for secret in ["token of 0002", "token%20of", "token+of", "sign=", "PRIVATE KEY"] {
                #expect(!text.contains(secret), "\(text)")
            }
        }
    }
}
