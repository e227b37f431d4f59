import Alipay
import JobQueue
import Logging
import Postgres
import Sandbox
import ServiceLifecycle
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// A reconciliation over real HTTP with real signatures: each outcome, history over runs, and runs that go on.
@Suite(.database) struct AgreementCheckTests {
    private static let app = "2021000000000001"
    private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    private struct House: Sendable {
        let pool: Pool
        let runs: AgreementRuns
        let report: AgreementReport
        let book: AgreementBook
    }

    /// Runs the checks' runner beside `body`, against a gateway that knows `agreements`.
    private func house(
        _ agreements: [SandboxAgreement], _ body: @escaping @Sendable (House) async throws -> Void
    ) async throws {
        let keys = try SandboxKeys.generate()
        let book = Sandbox.AgreementBook(agreements)
        let gateway = GatewaySimulator(appID: Self.app, keys: keys, book: TradeBook(), agreements: book)
        let database = try TestDatabase.current.settings
        try await gateway.whileRunning { url in
            let app = GatewayApp(
                appID: Self.app, gateway: try GatewayAddress(url), privateKey: keys.app,
                alipayKeys: [keys.alipay.publicKey])
            let keyring = Keyring(
                Credentials(gateways: [Self.app: GatewayClient(app: app, transport: HTTPTransport(connections: 4))]))
            let pool = Pool(
                database, lanes: [FeedReader.lane: 2, "claim": 1, "complete": 1, "upkeep": 1], logger: Self.logger)
            let runner = JobRunner(
                queue: AgreementCheckJob.queue,
                handler: AgreementHandler(appID: Self.app, keyring: keyring, metrics: Metrics()),
                pool: pool,
                settings: RunnerSettings(
                    concurrency: 4, completers: 1, pollInterval: .milliseconds(50), dueInterval: .milliseconds(50)),
                retry: RetryPolicy(first: .milliseconds(100), cap: .milliseconds(200)), logger: Self.logger)
            let group = ServiceGroup(services: [pool, runner], logger: Self.logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask {
                    defer { Task { await group.triggerGracefulShutdown() } }
                    try await body(
                        House(
                            pool: pool, runs: AgreementRuns(appID: Self.app, pool: pool),
                            report: AgreementReport(appID: Self.app, pool: pool), book: book))
                }
                try await tasks.waitForAll()
            }
        }
    }

    private typealias AgreementBook = Sandbox.AgreementBook

    private func importRows(_ text: String) async throws {
        let connection = try await TestDatabase.current.connect()
        let blocks = Blocks(text)
        let file = try RowFile(blocks: { blocks.next() }, columns: AgreementRecord.columns)
        _ = try await AgreementImport(appID: Self.app).run(file, on: connection)
        await connection.close()
    }

    /// Begins a run, or goes on with the open one, and waits for its end.
    private static func check(_ house: House) async throws -> AgreementRuns.Progress {
        let run = try await house.runs.begin(by: "test").id
        try await house.runs.queueChecks(of: run)
        let limit = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < limit {
            try await house.runs.finishIfDone()
            if let progress = try await house.runs.progress(of: run).first, progress.finishedAt != nil {
                return progress
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw PostgresError(.timeout, "the run did not end")
    }

    private static func agreement(_ n: Int, out: String = "OUT") -> SandboxAgreement {
        SandboxAgreement(
            agreementID: "A\(n)", userID: "208800000000000\(n)", chargeInst: "HZYHWATER", billKey: "00\(n)",
            outAgreementID: out + "\(n)", signDate: "2016-02-03 18:00:00")
    }

    private static let rows = """
        user_id,agreement_id,biz_type,sub_biz_type,charge_inst,bill_key,out_agreement_id,sign_date
        2088000000000001,A1,,,,,OUT1,2016-02-03
        2088000000000002,A2,,,HZYHWATER,002,OTHER,2016-02-04 18:00:00
        2088000000000003,A3,,,,,,
        2088000000000004,,JF,ELECTRIC,HZYHWATER,004,OUT4,
        2088000000000005,A1,,,,,,

        """

    @Test func `each agreement ends as equal, differing field by field, or one-sided`() async throws {
        try await importRows(Self.rows)
        try await house([1, 2, 4].map { Self.agreement($0) }) { house in
            let progress = try await Self.check(house)
            #expect(progress.queued == 5)
            #expect(progress.outcomes == [.equal: 2, .differs: 1, .missingAtAlipay: 2, .undecided: 0])
            let entries = try await house.report.list(AgreementReport.Filter())
            #expect(entries.map(\.outcome) == [.equal, .differs, .missingAtAlipay, .equal, .missingAtAlipay])
            #expect(entries[1].fields == ["out_agreement_id", "sign_date"])
            #expect(entries[1].differences.contains(#""here": "OTHER""#))
            #expect(entries[1].differences.contains(#""there": "OUT2""#))
            #expect(entries[2].cause == "DEDUCT_SIGN_INFO_NOT_EXIST")
            #expect(entries.allSatisfy { !$0.nextAction.isEmpty })
        }
    }

    @Test func `failures that pass are asked again, and an unsigned word proves nothing`() async throws {
        try await importRows("user_id,agreement_id\n2088000000000001,A1\n2088000000000002,A2\n2088000000000003,A3\n")
        try await house([1, 2, 3].map { Self.agreement($0) }) { house in
            house.book.plan(
                [.init(.failure(code: "40004", subCode: "DEDUCT_SIGN_INFO_NOT_EXIST", signed: false), calls: 2)],
                forUser: "2088000000000001")
            house.book.plan(
                [.init(.failure(code: "40004", subCode: "QUERY_DEDUCT_SIGN_INFO_ERROR")), .init(.unsignedSuccess)],
                forUser: "2088000000000002")
            house.book.plan(
                [.init(.failure(code: "40004", subCode: "PARAMETER_ILLEGAL"), calls: .max)],
                forUser: "2088000000000003")
            let progress = try await Self.check(house)
            #expect(progress.outcomes == [.equal: 2, .differs: 0, .missingAtAlipay: 0, .undecided: 1])
            #expect(house.book.timesAsked("2088000000000001") == 3)
            #expect(house.book.timesAsked("2088000000000002") == 3)
            #expect(house.book.timesAsked("2088000000000003") == 1)
        }
    }

    @Test func `a later run has its own result and the history keeps the earlier one`() async throws {
        try await importRows("user_id,agreement_id\n2088000000000001,A1\n")
        try await house([Self.agreement(1)]) { house in
            let first = try await Self.check(house)
            house.book.remove("A1")
            let second = try await Self.check(house)
            #expect(second.id > first.id)
            let entry = try #require(try await house.report.list(AgreementReport.Filter()).first)
            #expect(entry.outcome == .missingAtAlipay)
            let history = try await house.report.history(of: entry.id)
            #expect(history.map(\.outcome) == [.missingAtAlipay, .equal])
        }
    }

    @Test func `a run that was left half queued goes on where it stopped, and nothing is asked twice`() async throws {
        try await importRows("user_id,agreement_id\n2088000000000001,A1\n2088000000000002,A2\n")
        try await house([1, 2].map { Self.agreement($0) }) { house in
            let run = try await house.runs.begin(by: "first").id
            #expect(try await house.runs.begin(by: "second") == (run, false))
            try await house.runs.queueChecks(of: run)
            try await house.runs.queueChecks(of: run)
            let progress = try await Self.check(house)
            #expect(progress.id == run)
            #expect(progress.queued == 2)
            #expect(house.book.totalQuestions == 2)
        }
    }

    @Test func `the daily run begins once a day, at its time in China, whoever looks first`() async throws {
        try await importRows("user_id,agreement_id\n2088000000000001,A1\n")
        let pool = Pool(try TestDatabase.current.settings, lanes: [FeedReader.lane: 4], logger: Self.logger)
        let runs = AgreementRuns(appID: Self.app, pool: pool)
        let begun = try await withThrowingTaskGroup(of: Int64?.self) { group in
            for _ in 0..<8 { group.addTask { try await runs.beginDaily(hour: 0, minute: 0) } }
            return try await group.reduce(into: [Int64]()) { begun, run in if let run { begun.append(run) } }
        }
        #expect(begun.count == 1)
        _ = try await pool.query(
            FeedReader.lane,
            Statement("test.finish", "UPDATE settled.agreement_runs SET queued_at = now(), finished_at = now()"))
        #expect(try await runs.beginDaily(hour: 0, minute: 0) == nil)
        _ = try await pool.query(
            FeedReader.lane, Statement("test.yesterday", "UPDATE settled.agreement_runs SET day = day - 1"))
        #expect(try await runs.beginDaily(hour: 0, minute: 0) != nil)
        await pool.close()
    }

    @Test func `before its time the daily run does not begin`() async throws {
        try await importRows("user_id,agreement_id\n2088000000000001,A1\n")
        let pool = Pool(try TestDatabase.current.settings, lanes: [FeedReader.lane: 1], logger: Self.logger)
        let runs = AgreementRuns(appID: Self.app, pool: pool)
        // The last minute of the day is later than now but for one minute in which the test says nothing.
        let china = try await pool.query(
            FeedReader.lane,
            Statement("test.time", "SELECT to_char(now() AT TIME ZONE 'Asia/Shanghai', 'HH24:MI') AS t"))
        if try china.first?.text("t") != "23:59" {
            #expect(try await runs.beginDaily(hour: 23, minute: 59) == nil)
        }
        await pool.close()
    }
}
