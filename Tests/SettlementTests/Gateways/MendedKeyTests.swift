import Alipay
import JobQueue
import Postgres
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// What concerns a whole app, from its beginning to its end, through the real queue.
@Suite(.timeLimit(.minutes(5))) struct MendedKeyTests {
    @Test(.database) func `a key that is refused holds all jobs of the app, and all are settled once it is mended`()
        async throws
    {
        let trades = (1...40).map { "T-mended-\($0)" }
        // Unsigned, as the gateway refuses what it cannot tell the sender of; anybody might have written it.
        let refusal = try SignedAnswer.failure("40002", "isv.invalid-signature", signed: false)
        let gateway = MendableGateway()
        gateway.answer = { _ in refusal }
        let board = HoldBoard()
        let endings = Notes<String>()
        let (held, holding) = AsyncStream.makeStream(of: Void.self)
        let (done, ending) = AsyncStream.makeStream(of: Void.self)
        try await TestHouse.withPool(["claim": 1, "complete": 1, "upkeep": 2]) { pool in
            let runner = JobRunner(
                queue: PayResultJob.queue, handler: try Self.handler(gateway, board), pool: pool,
                settings: RunnerSettings(
                    concurrency: 4, completers: 1, pollInterval: .milliseconds(20), probeInterval: .milliseconds(50),
                    holdInterval: .milliseconds(10)),
                holds: board,
                hooks: JobHooks(finished: { _, outcome, _ in
                    endings.add(outcome)
                    if endings.all.count(where: { $0 == "held" }) == 43 { holding.yield() }
                    if endings.all.count(where: { $0 == "settled" }) == 40 { ending.yield() }
                }), logger: TestHouse.logger)
            try await pool.transaction("work") { tx in
                _ = try JobQueue.enqueue(
                    trades.map {
                        NewJob(
                            queue: PayResultJob.queue, kind: PayResultJob.kind, args: TestAnswers.job($0).args,
                            subject: $0)
                    }, in: tx)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runner.run() }
                // All are held, and three probes found that nothing had changed.
                for await _ in held { break }
                let holds = try await pool.withConnection("work") { try await JobStore.holds(on: $0) }
                #expect(holds.map(\.key) == ["app:\(TestHouse.appID)"])
                #expect(holds.first?.cause == "isv.invalid-signature")
                gateway.answer = { try? SignedAnswer.body(SignedAnswer.paid($0)) }
                for await _ in done { break }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(DISTINCT trade_no) FROM settled.settlements") == 40)
        #expect(try await database.number("SELECT coalesce(sum(attempt), 0) FROM settled.job_list") == 0)
        #expect(try await database.number("SELECT count(*) FROM settled.job_list WHERE state <> 'done'") == 0)
        #expect(Set(endings.all) == ["held", "settled"])
    }

    /// A gateway that is not there over a socket, because what it says changes while jobs wait.
    private final class MendableGateway: GatewayTransport {
        private let said = Mutex<@Sendable (_ trade: String) -> String?>({ _ in nil })

        var answer: @Sendable (_ trade: String) -> String? {
            get { said.withLock { $0 } }
            set { said.withLock { $0 = newValue } }
        }

        func post(url: String, contentType: String, body: [UInt8], deadline: Duration) async throws(TransportError)
            -> TransportAnswer
        {
            let trade = String(decoding: body, as: UTF8.self).firstMatch(of: /T-mended-\d+/).map { String($0.output) }
            guard let text = answer(trade ?? "") else { throw TransportError(.other, "nothing to say") }
            return TransportAnswer(status: 200, body: Array(text.utf8))
        }
    }

    private static func handler(_ transport: any GatewayTransport, _ board: HoldBoard) throws -> PayResultHandler {
        let app = GatewayApp(
            appID: TestHouse.appID, gateway: try GatewayAddress("https://gateway.invalid/gateway.do"),
            privateKey: try TestKeys.app.get(), alipayKeys: [try TestKeys.alipay.get().publicKey])
        return PayResultHandler(
            keyring: Keyring(
                Credentials(
                    gateways: [TestHouse.appID: GatewayClient(app: app, transport: transport)],
                    doors: [TestHouse.appID: GatewayDoor(name: TestHouse.appID, limits: GatewayLimits(rate: 1_000))],
                    merchants: TestHouse.merchants, sources: [])),
            holds: board, metrics: Metrics())
    }
}
