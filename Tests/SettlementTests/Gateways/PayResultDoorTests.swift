import Alipay
import JobQueue
import Postgres
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// The handler and its door together: what a failure does to the job, and to the jobs after it.
@Suite(.timeLimit(.minutes(5))) struct PayResultDoorTests {
    /// A gateway that answers what it is told to, and counts.
    private final class Gateway: GatewayTransport {
        private struct State {
            var answers: [Result<String, TransportError>] = []
            var calls = 0
        }
        private let state = Mutex(State())

        var calls: Int { state.withLock { $0.calls } }

        /// From now on; the last answer repeats.
        func say(_ answers: Result<String, TransportError>...) { state.withLock { $0.answers = answers } }

        func post(url: String, contentType: String, body: [UInt8], deadline: Duration) async throws(TransportError)
            -> TransportAnswer
        {
            let answer = state.withLock { state in
                state.calls += 1
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first
            }
            guard let answer else { throw TransportError(.other, "nothing to say") }
            return TransportAnswer(status: 200, body: Array(try answer.get().utf8))
        }
    }

    private let gateway = Gateway()
    private let holds = HoldBoard()
    private let handler: PayResultHandler

    init() throws {
        let app = GatewayApp(
            appID: TestHouse.appID, gateway: try GatewayAddress("https://gateway.invalid/gateway.do"),
            privateKey: try TestKeys.app.get(), alipayKeys: [try TestKeys.alipay.get().publicKey])
        var limits = GatewayLimits(rate: 100_000, strangersBeforeHold: 3)
        limits.breaker.failures = 3
        limits.verdictWait = .milliseconds(1)
        handler = PayResultHandler(
            keyring: Keyring(
                Credentials(
                    gateways: [TestHouse.appID: GatewayClient(app: app, transport: gateway)],
                    doors: [TestHouse.appID: GatewayDoor(name: TestHouse.appID, limits: limits)],
                    merchants: TestHouse.merchants, sources: [try TestHouse.source()])),
            holds: holds, metrics: Metrics())
    }

    /// What one job is answered, in a word.
    private func ask(_ trade: String = "T1", trialOf key: String? = nil) async -> String {
        let lease = Lease(
            jobID: 1, epoch: 1, queue: PayResultJob.queue, kind: PayResultJob.kind,
            args: TestAnswers.job(trade).args, holdKey: key)
        let output = await handler.perform(lease)
        let lifts = output.endsHold.map { " lifts \($0)" } ?? ""
        return switch output.confirmation {
        case .settle: "settle" + lifts
        case .closed: "closed"
        case .finish(.hold(let key, let cause, _, _)): "hold \(key) \(cause)" + lifts
        case .finish(.retry(let failure, _, _)): "retry \(failure.cause)" + lifts
        case .finish(.quarantine(let failure)): "quarantine \(failure.cause)" + lifts
        case .finish(.snooze): "snooze" + lifts
        case .finish(.fail(let failure)): "fail \(failure.cause)" + lifts
        case .finish(.done), .finish(.cancel): "ended"
        }
    }

    private let down = "gateway:\(TestHouse.appID)"
    private let app = "app:\(TestHouse.appID)"
    private let merchant = "merchant:\(TestHouse.sellerID)"

    @Test func `a gateway that is down holds the jobs, a probe finds out, and its success lifts the hold`() async throws
    {
        gateway.say(.failure(TransportError(.timeout, "m")))
        #expect(await ask() == "retry timeout")
        #expect(await ask() == "retry timeout")
        #expect(await ask() == "hold \(down) timeout")
        #expect(gateway.calls == 3)
        #expect(await ask() == "hold \(down) timeout")
        #expect(gateway.calls == 3, "nothing is asked while it is down")
        #expect(await ask(trialOf: down) == "hold \(down) timeout")
        #expect(gateway.calls == 4)
        gateway.say(.success(try SignedAnswer.body(SignedAnswer.paid("T1"))))
        #expect(await ask(trialOf: down) == "settle lifts \(down)")
        #expect(await ask() == "settle")
    }

    @Test func `what another process has found out keeps this one from asking, except to find out`() async throws {
        gateway.say(.success(try SignedAnswer.body(SignedAnswer.paid("T1"))))
        for key in [down, app, merchant, "throttle:\(TestHouse.appID)"] {
            holds.replace([key: .init(cause: "c", reason: "r")])
            #expect(await ask() == "hold \(key) c")
            #expect(await ask(trialOf: key) == "settle lifts \(key)")
        }
        #expect(gateway.calls == 4)
    }

    @Test func `a job that is to find out about one hold is kept back by another`() async throws {
        gateway.say(.success(try SignedAnswer.body(SignedAnswer.paid("T1"))))
        holds.replace([down: .init(cause: "timeout", reason: "r"), app: .init(cause: "c", reason: "r")])
        #expect(await ask(trialOf: app) == "hold \(down) timeout")
        #expect(await ask(trialOf: down) == "hold \(app) c")
        #expect(gateway.calls == 0)
    }

    @Test func `a probe of the app that meets a gateway in trouble goes back under its own hold`() async throws {
        holds.replace([app: .init(cause: "isv.invalid-signature", reason: "r")])
        let troubles: [Result<String, TransportError>] = [
            .failure(TransportError(.timeout, "m")), .success(try SignedAnswer.failure("20000", "isp.unknow-error")),
            .success(try SignedAnswer.failure("40005", "isv.app-call-limited")),
        ]
        for trouble in troubles {
            gateway.say(trouble)
            #expect(await ask(trialOf: app) == "hold \(app) isv.invalid-signature")
        }
    }

    static let refusals: [(code: String, subCode: String, isMerchants: Bool)] = [
        ("40002", "isv.invalid-signature", false), ("40002", "isv.invalid-app-id", false),
        ("40001", "isv.missing-signature-key", false), ("40006", "isv.insufficient-isv-permissions", false),
        ("40003", "isv.invalid-auth-relations", false), ("40002", "isv.invalid-method", false),
        ("20001", "aop.invalid-app-auth-token", true), ("20001", "aop.app-auth-token-time-out", true),
        ("20001", "aop.no-product-reg-by-partner", true),
    ]

    @Test(arguments: refusals, [true, false])
    func `what refuses the app or its token holds all jobs that it concerns, signed or not`(
        refusal: (code: String, subCode: String, isMerchants: Bool), signed: Bool
    ) async throws {
        gateway.say(.success(try SignedAnswer.failure(refusal.code, refusal.subCode, signed: signed)))
        let key = refusal.isMerchants ? merchant : app
        #expect(await ask() == "hold \(key) \(refusal.subCode)")
        #expect(await ask(trialOf: key) == "hold \(key) \(refusal.subCode)")
        gateway.say(.success(try SignedAnswer.body(SignedAnswer.paid("T1"))))
        #expect(await ask(trialOf: key) == "settle lifts \(key)")
    }

    @Test func `one stranger's trade is quarantined, several in a row hold the merchant`() async throws {
        gateway.say(.success(try SignedAnswer.failure("40004", "PAY_INFO_BELONGING_TO_OTHERS")))
        for _ in 0..<3 { #expect(await ask("T1") == "quarantine PAY_INFO_BELONGING_TO_OTHERS") }
        #expect(await ask("T2") == "quarantine PAY_INFO_BELONGING_TO_OTHERS")
        #expect(await ask("T3") == "hold \(merchant) PAY_INFO_BELONGING_TO_OTHERS")
        #expect(await ask("T4", trialOf: merchant) == "hold \(merchant) PAY_INFO_BELONGING_TO_OTHERS")
        gateway.say(
            .success(try SignedAnswer.body(SignedAnswer.paid("T5"))),
            .success(try SignedAnswer.failure("40004", "PAY_INFO_BELONGING_TO_OTHERS")))
        #expect(await ask("T5", trialOf: merchant) == "settle lifts \(merchant)")
        #expect(await ask("T6") == "quarantine PAY_INFO_BELONGING_TO_OTHERS")
    }

    @Test func `any answer about the trade shows that the app's key is believed again`() async throws {
        holds.replace([app: .init(cause: "c", reason: "r")])
        let answers: [(String, String)] = [
            (try SignedAnswer.failure("40004", "PAY_INFO_NOT_EXISTING"), "retry PAY_INFO_NOT_EXISTING lifts \(app)"),
            (try SignedAnswer.failure("40004", "INVALID_PARAMETER"), "fail INVALID_PARAMETER lifts \(app)"),
            (
                try SignedAnswer.failure("40004", "PAY_INFO_BELONGING_TO_OTHERS"),
                "quarantine PAY_INFO_BELONGING_TO_OTHERS lifts \(app)"
            ),
            (
                try SignedAnswer.failure("20001", "aop.invalid-app-auth-token"),
                "hold \(merchant) aop.invalid-app-auth-token lifts \(app)"
            ),
        ]
        for (answer, expected) in answers {
            gateway.say(.success(answer))
            #expect(await ask(trialOf: app) == expected)
        }
    }

    @Test func `a gateway that asks for a pause is there, so its hold is over`() async throws {
        holds.replace([down: .init(cause: "timeout", reason: "r")])
        gateway.say(.success(try SignedAnswer.failure("40005", "isv.app-call-limited")))
        #expect(await ask(trialOf: down) == "snooze lifts \(down)")
    }

    @Test func `jobs of a merchant or an app that is not configured any more need not come out one by one`() async {
        func ask(_ job: PayResultJob, trialOf key: String) async -> String? {
            await handler.perform(
                Lease(
                    jobID: 1, epoch: 1, queue: PayResultJob.queue, kind: PayResultJob.kind, args: job.args,
                    holdKey: key)
            ).endsHold
        }
        var stranger = TestAnswers.job()
        stranger.sellerID = "2088000000000999"
        #expect(await ask(stranger, trialOf: "merchant:2088000000000999") == "merchant:2088000000000999")
        #expect(await ask(stranger, trialOf: app) == nil)
        var other = TestAnswers.job()
        other.appID = "2021000000000099"
        #expect(await ask(other, trialOf: "app:2021000000000099") == "app:2021000000000099")
        #expect(gateway.calls == 0)
    }

    @Test func `an answer about another trade is no answer`() async throws {
        gateway.say(.success(try SignedAnswer.body(SignedAnswer.paid("T2"))))
        #expect(await ask("T1") == "retry wrong_echo")
    }

    @Test(.database) func `the hold that an answer has ended is lifted in the transaction that writes the answer`()
        async throws
    {
        gateway.say(.success(try SignedAnswer.failure("40004", "INVALID_PARAMETER")))
        let database = try TestDatabase.current
        try await database.execute(
            """
            INSERT INTO settled.holds (queue, key, cause, reason, next_at)
            VALUES ('\(PayResultJob.queue)', '\(app)', 'c', 'r', now()), ('other', '\(app)', 'c', 'r', now())
            """)
        let lease = Lease(
            jobID: 1, epoch: 1, queue: PayResultJob.queue, kind: PayResultJob.kind, args: TestAnswers.job().args,
            holdKey: app)
        let output = await handler.perform(lease)
        let handler = handler
        try await TestHouse.withPool { pool in
            _ = try await pool.transaction("work") { tx in try handler.record([(lease, output)], in: tx) }
        }
        #expect(
            try await database.text("SELECT string_agg(queue, ' ') FROM settled.holds WHERE lifted_at IS NOT NULL")
                == PayResultJob.queue)
    }
}
