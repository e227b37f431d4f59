import ArgumentParser
import Foundation
import JobQueue
import Logging
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Taobao

/// `settled bench withholding`: what a backlog of withholding polls costs the payments beside it.
struct WithholdingBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withholding",
        abstract: "Measure how long payments take to settle, without and with a backlog of withholding polls.",
        discussion: """
            Starts a durable PostgreSQL, both simulated gateways and the whole program. Payments are queued at a steady rate and \
            timed from their queueing to their settlement; first alone, then while all the orders are due at once, then alone \
            again. Read the three lines beside each other.
            """)

    @Option(name: .long, help: "Orders that are due at once.")
    var polls = 20_000
    @Option(name: .long, help: "Payments in each of the three parts.")
    var payments = 1_000
    @Option(name: .long, help: "Payments queued in a second.")
    var rate = 100
    @Option(name: .long, help: "Polls allowed in a second.")
    var pollRate = 500
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for (name, value, most) in [
            ("polls", polls, 1_000_000), ("payments", payments, 100_000), ("rate", rate, 10_000),
            ("poll-rate", pollRate, 10_000),
        ] where !(1...most).contains(value) {
            throw ValidationError("--\(name) takes 1 to \(most)")
        }
    }

    func run() async throws {
        let parts = try await EmbeddedPostgres.withServer(.init(isDurable: true)) { server in
            let database = DatabaseUnderBench(settings: server.settings())
            try await database.prepare()
            output.note(try await database.durability().text)
            return try await measure(server.settings())
        }
        if output.json {
            for part in parts { StandardOutput.write(part.json.line) }
        } else {
            var table = Table([
                .init("PAYMENTS"), .init("SETTLED", .right), .init("P50 MS", .right), .init("P99 MS", .right),
                .init("MAX MS", .right), .init("POLLS MEANWHILE", .right), .init("POLLS WAITING", .right),
            ])
            for part in parts {
                table.add(
                    part.name, String(part.lag.count), String(part.lag.median), String(part.lag.p99),
                    String(part.lag.longest), String(part.polls), String(part.waiting))
            }
            table.print()
        }
    }

    /// One part of the run.
    private struct Part: Sendable {
        let name: String
        let lag: Lag
        let polls: Int64
        let waiting: Int64

        var json: JSONLine {
            var line = JSONLine()
            line.add("part", name)
            line.add("settled", lag.count)
            line.add("p50_ms", lag.median)
            line.add("p99_ms", lag.p99)
            line.add("max_ms", lag.longest)
            line.add("polls_meanwhile", polls)
            line.add("polls_waiting", waiting)
            return line
        }
    }

    /// From queueing to settlement, in milliseconds.
    private struct Lag: Sendable {
        let count: Int64
        let median: Int64
        let p99: Int64
        let longest: Int64
    }

    // MARK: Measuring

    private func measure(_ database: ConnectionSettings) async throws -> [Part] {
        let folder = FilePath(
            FileManager.default.temporaryDirectory.appendingPathComponent("settled-bench-\(UUID().uuidString)").path)
        try FileManager.default.createDirectory(
            atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let keys = try SandboxKeys.generate()
        let files = try keys.write(into: folder)
        let scenario = Scenario(.init(seed: 11, notifications: payments * 3, mix: .plain))
        let gateway = GatewaySimulator(
            appID: scenario.settings.appID, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens)
        try await gateway.presign()
        let orders = (1...polls).map { PlatformOrder("\($0)", story: .endless, amounts: [50], paidAt: 0) }
        let platform = TOPSimulator(appKey: "12345678", secret: "helloworld", book: OrderBook(orders))
        return try await gateway.whileRunning { alipay in
            try await platform.whileRunning { top in
                let text = configuration(scenario, database: database.conninfo, alipay: alipay, top: top, files)
                let settings = try LoadedSettings.load(text: text, file: folder.appending("settled.yaml").string)
                    .settings
                return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                    try await play(scenario, pool)
                }
            }
        }
    }

    private func play(_ scenario: Scenario, _ pool: Pool) async throws -> [Part] {
        let trades = scenario.trades.map(\.trade)
        let share = trades.count / 3
        var parts: [Part] = []
        for (index, name) in ["alone", "beside \(polls) polls", "alone again"].enumerated() {
            let since = Timestamp.now()
            if index == 1 {
                let orders = try (1...polls).map { try WithholdingOrder(bizOrderID: "\($0)", payBizCode: "R1") }
                _ = try await WithholdingRegister(pool: pool).add(orders, by: "bench")
            }
            let before = try await number(Self.pollCount, pool)
            try await pay(
                Array(trades[(index * share)..<((index + 1) * share)]), source: scenario.settings.cplifeSource,
                scenario.settings.appID, pool)
            let waiting = try await number(Self.waitingPolls, pool)
            let polled = try await number(Self.pollCount, pool) - before
            try await rest(pool)
            let part = Part(name: name, lag: try await lag(since: since, pool), polls: polled, waiting: waiting)
            output.note("\(name): p50 \(part.lag.median) ms, p99 \(part.lag.p99) ms, \(polled) polls meanwhile")
            parts.append(part)
            // The last part is to be alone again, so the orders that are still due are put off.
            if index == 1 { _ = try await pool.query(TokenStore.lane, Self.putOff) }
        }
        return parts
    }

    /// Queues one payment after the other, evenly over time.
    private func pay(_ trades: [Trade], source: String, _ appID: String, _ pool: Pool) async throws {
        let start = ContinuousClock.now
        for (index, trade) in trades.enumerated() {
            try await Task.sleep(until: start + .seconds(Double(index) / Double(rate)))
            let job = PayResultJob(source: source, appID: appID, tradeNo: trade.tradeNo, sellerID: trade.sellerID)
            _ = try await pool.transaction(TokenStore.lane) { tx in
                try JobQueue.enqueue(
                    [
                        NewJob(
                            queue: PayResultJob.queue, kind: PayResultJob.kind, args: job.args, subject: job.subject)
                    ], in: tx)
            }
        }
    }

    /// Waits until every payment is decided.
    private func rest(_ pool: Pool) async throws {
        let limit = ContinuousClock.now + .seconds(120)
        while try await number(Self.unsettled, pool) > 0 {
            guard ContinuousClock.now < limit else { throw CommandFailure("payments were not settled in two minutes") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func number(_ statement: Statement, _ pool: Pool) async throws -> Int64 {
        try await pool.query(TokenStore.lane, statement).first?.int8(0) ?? 0
    }

    private func lag(since: Timestamp, _ pool: Pool) async throws -> Lag {
        guard let row = try await pool.query(TokenStore.lane, Self.lag, [.timestamptz(since)]).first else {
            throw CommandFailure("the database gave no answer")
        }
        return Lag(
            count: try row.int8("settled"), median: Int64(try row.float8("p50")), p99: Int64(try row.float8("p99")),
            longest: Int64(try row.float8("longest")))
    }

    private static let pollCount = Statement(
        "bench.polls", "SELECT coalesce(sum(polls), 0)::int8 FROM settled.withholdings")
    private static let waitingPolls = Statement(
        "bench.waiting_polls",
        "SELECT count(*) FROM settled.jobs WHERE queue = 'withholding' AND (state = 'ready' OR run_at <= now())")
    private static let unsettled = Statement(
        "bench.unsettled", "SELECT count(*) FROM settled.jobs WHERE queue = 'pay-results'")
    private static let putOff = Statement(
        "bench.put_off",
        """
        UPDATE settled.jobs SET state = 'scheduled', run_at = now() + interval '1 day'
        WHERE queue = 'withholding' AND state IN ('ready', 'scheduled')
        """)
    private static let lag = Statement(
        "bench.lag",
        """
        SELECT count(*) AS settled,
               coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), 0)::float8 AS p50,
               coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), 0)::float8 AS p99,
               coalesce(max(ms), 0)::float8 AS longest
        FROM (SELECT extract(epoch FROM h.finished_at - h.created_at) * 1000 AS ms FROM settled.job_history h
              WHERE h.queue = 'pay-results' AND h.outcome = 'settled' AND h.created_at >= $1) AS done
        """)

    private func configuration(
        _ scenario: Scenario, database: String, alipay: String, top: String, _ files: SandboxKeys.Files
    ) -> String {
        let app = scenario.settings.appID
        let text = """
            database: { url: "\(database)" }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(app)", gateway: "\(alipay)", private_key_file: "\(files.appPrivateKey)",
                  alipay_public_key_file: "\(files.alipayPublicKey)" }
            sources:
              - { name: \(scenario.settings.cplifeSource), app: "\(app)" }
            gateway: { rate_per_second: 100000 }
            taobao: { gateway: "\(top)", app_key: "12345678", app_secret: helloworld }
            withholding: { amount_unit: fen, poll_schedule: ["1s"], rate_per_second: \(pollRate) }
            work: { poll_interval: 100ms }
            log: { level: error }
            merchants:

            """
        return text + SandboxConfiguration.merchants(scenario.settings.merchants, app: app)
    }
}
