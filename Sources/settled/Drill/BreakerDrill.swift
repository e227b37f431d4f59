import Foundation
import JobQueue
import Postgres
import Sandbox
import Settlement
import SystemPackage

/// Takes the gateway away from a program with many jobs waiting, gives it back, and watches what the program does.
struct BreakerDrill: Sendable {
    /// Jobs that wait when the program starts.
    let jobs: Int
    /// Calls a second that the program may make.
    let rate: Int
    /// How long the gateway is away at least; it stays away until every job has noticed.
    let outage: Duration
    let probeInterval: Duration
    let output: OutputOptions

    private static let actor = Actor("drill", reason: "the drill begins with all jobs waiting")
    private static let appID = "2021000000000001"

    func run() async throws -> BreakerDrillReport {
        let scenario = Scenario(.init(seed: 11, notifications: jobs, mix: .plain, appID: Self.appID))
        return try await EmbeddedPostgres.withServer(.init(isDurable: false)) { server in
            let folder = FilePath(
                FileManager.default.temporaryDirectory.appendingPathComponent("settled-drill-\(UUID().uuidString)").path
            )
            try FileManager.default.createDirectory(
                atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            defer { try? FileManager.default.removeItem(atPath: folder.string) }
            let keys = try SandboxKeys.generate()
            let gateway = try await ComingAndGoing(keys: keys, scenario: scenario)
            let text = configuration(
                scenario, database: server.settings().conninfo, gateway: gateway.url,
                files: try keys.write(into: folder))
            let settings = try LoadedSettings.load(text: text, file: folder.appending("settled.yaml").string).settings
            try await Startup.migrate(settings.database.direct)
            try await enqueue(scenario, settings.database)
            return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                try await play(gateway, scenario, concurrency: settings.work.concurrency, pool)
            }
        }
    }

    private func configuration(
        _ scenario: Scenario, database: String, gateway: String, files: SandboxKeys.Files
    ) -> String {
        var text = """
            database: { url: "\(database)" }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(Self.appID)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
                  alipay_public_key_file: "\(files.alipayPublicKey)" }
            sources:
              - { name: \(scenario.settings.cplifeSource), app: "\(Self.appID)", profile: cplife, ack: signed-xml }
            gateway: { rate_per_second: \(rate), probe_interval: \(DurationText.text(probeInterval)) }
            merchants:

            """
        for merchant in scenario.settings.merchants {
            text += "  - { seller_id: \"\(merchant.sellerID)\", app: \"\(Self.appID)\""
            if let token = merchant.appAuthToken { text += ", app_auth_token: \"\(token)\"" }
            text += " }\n"
        }
        return text
    }

    /// One job for each trade, in the order of the trades. They wait behind a pause until the gateway is there.
    private func enqueue(_ scenario: Scenario, _ database: DatabaseSettings) async throws {
        output.note("enqueuing \(scenario.trades.count) jobs")
        try await DatabaseVisit.run(database) { pool in
            for start in stride(from: 0, to: scenario.trades.count, by: 2_000) {
                let new = scenario.trades[start..<min(start + 2_000, scenario.trades.count)].map { staged in
                    let job = PayResultJob(
                        source: scenario.settings.cplifeSource, appID: Self.appID, tradeNo: staged.trade.tradeNo,
                        sellerID: staged.trade.sellerID)
                    return NewJob(
                        queue: PayResultJob.queue, kind: PayResultJob.kind, args: job.args, subject: job.subject)
                }
                _ = try await pool.transaction(DatabaseVisit.lane) { try JobQueue.enqueue(new, in: $0) }
            }
            try await pool.withConnection(DatabaseVisit.lane) {
                try await JobStore.pause(queue: PayResultJob.queue, by: Self.actor, on: $0)
            }
        }
    }

    private func play(
        _ gateway: ComingAndGoing, _ scenario: Scenario, concurrency: Int, _ pool: Pool
    ) async throws -> BreakerDrillReport {
        let ledger = BreakerDrillLedger(pool: pool)
        // It answers for a while, and goes in the midst of it.
        let before = max(1, jobs / 50)
        try await gateway.whileUp {
            try await pool.withConnection(TokenStore.lane) {
                try await JobStore.resume(queue: PayResultJob.queue, by: Self.actor, on: $0)
            }
            output.note("the gateway answers, until it has answered \(before) of \(jobs)")
            try await patiently("the first answers") { gateway.answers >= before }
        }
        output.note("the gateway is gone")
        let wentAt = ContinuousClock.now
        var standing = try await ledger.standing()
        while wentAt + outage > .now || standing.ready > 0 || standing.running > 0 {
            guard wentAt + outage + .seconds(600) > .now else { break }
            try await Task.sleep(for: .milliseconds(200))
            standing = try await ledger.standing()
        }
        let away = wentAt.duration(to: .now)
        let lost = try await ledger.callsWithoutAnswer()
        output.note("\(standing.held) jobs are held; the gateway comes back")
        let askedBefore = gateway.answers
        var cameAt = ContinuousClock.now
        try await gateway.whileUp {
            cameAt = .now
            var bar = ProgressBar("settling", total: jobs, write: output.progress)
            try await patiently("the end", for: .seconds(300 + jobs / max(1, rate) * 4)) {
                let now = try await ledger.standing()
                bar.advance(to: now.settled)
                return now.isQuiet
            }
            bar.finish()
        }
        let took = cameAt.duration(to: .now)
        return BreakerDrillReport(
            jobs: jobs, rate: rate, concurrency: concurrency, away: away, took: took, held: standing.held,
            probes: standing.probes, callsWithoutAnswer: lost, end: try await ledger.standing(),
            questions: BreakerDrillReport.Questions(
                gateway.truth, order: scenario.trades.map(\.trade.tradeNo), after: askedBefore))
    }

    /// Waits until `condition` holds; what never does is shown by the report.
    private func patiently(
        _ what: String, for limit: Duration = .seconds(120), _ condition: () async throws -> Bool
    ) async throws {
        let end = ContinuousClock.now + limit
        while try await !condition() {
            guard end > .now else { return output.note("\(what) did not come within \(limit)") }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

/// A simulated gateway that comes and goes, always at the same address and with the same memory.
struct ComingAndGoing: Sendable {
    private let keys: SandboxKeys
    private let scenario: Scenario
    private let book: TradeBook
    private let port: Int

    /// Where it is asked; nobody listens there while it is away.
    let url: String

    init(keys: SandboxKeys, scenario: Scenario) async throws {
        self.keys = keys
        self.scenario = scenario
        book = TradeBook(scenario.trades)
        // The system gives an address, which is free again at once.
        url = try await GatewaySimulator(appID: scenario.settings.appID, keys: keys, book: TradeBook()).whileRunning {
            $0
        }
        guard let port = URL(string: url)?.port else { throw CommandFailure("the gateway has no port: \(url)") }
        self.port = port
    }

    var truth: Truth { book.truth }
    var answers: Int { book.truth.totalQuestions }

    func whileUp(_ body: () async throws -> Void) async throws {
        let simulator = GatewaySimulator(
            appID: scenario.settings.appID, keys: keys, book: book, tokens: scenario.tokens, port: port)
        // Answering costs no signature then, so that it is the program that is measured.
        try await simulator.presign()
        try await simulator.whileRunning { _ in try await body() }
    }
}
