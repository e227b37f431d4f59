import Alipay
import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import TestSupport
import Testing

/// Payments that nobody announced, with the real program, the real wire and a gateway that knows them.
@Suite struct ExpectationTests {
    private static let environment = ["SETTLED_EXPECTATIONS_SWEEP_INTERVAL": "200ms"]

    /// Runs `settled expect …` to its end.
    private static func expect(_ arguments: [String], _ stage: RealStage, code: Int32 = 0) async throws -> String {
        let child = try RealProgram(["expect"] + arguments + ["--config", stage.configuration], folder: stage.folder)
        let end = await child.waitForEnd()
        guard end == .exit(code) else { throw RealProgram.Failure(description: "\(arguments): \(end) \(child.output)") }
        return child.output
    }

    private static func metrics(_ address: String, _ stage: RealStage) async throws -> String {
        let child = try RealProgram(
            ["-sS", "http://\(address)/metrics"], folder: stage.folder, executable: "/usr/bin/curl")
        _ = await child.waitForEnd()
        return child.output
    }

    private static func number(_ sql: String, _ stage: RealStage) async throws -> Int64 {
        let connection = Connection(stage.database)
        try await connection.connect()
        let number = try await connection.query(Statement("e2e.number", sql)).first?.int8(0)
        await connection.close()
        return number ?? -1
    }

    private static func fulfilled(_ stage: RealStage) async throws -> [ExpectationRecord] {
        var filter = ExpectationRecords.Filter()
        filter.state = .fulfilled
        filter.limit = 1000
        return try await ExpectationRecords(pool: stage.pool).list(filter)
    }

    /// Runs `count` programs for as long as `body` takes; they end as told.
    private static func running(
        _ count: Int, _ stage: RealStage, _ body: ([(notify: String, admin: String)]) async throws -> Void
    ) async throws {
        try await RealProgram.several { programs in
            for _ in 0..<count { programs.append(try stage.start(environment: environment)) }
            var addresses: [(notify: String, admin: String)] = []
            for program in programs { addresses.append(try await program.addresses()) }
            try await body(addresses)
        }
    }

    @Test(arguments: [Story.plain, .tokenOnly])
    func
        `a paid trade that was never notified is found and settled, and a late notification makes no second settlement`(
            story: Story
        ) async throws
    {
        let scenario = Scenario(
            .init(seed: 31, notifications: 1, mix: ScenarioMix(weights: [story: 1], bills: 2, variesShapes: false)))
        let trade = try #require(scenario.trades.first?.trade)
        let subject =
            story == .plain ? ["--trade-no", trade.tradeNo] : ["--query-token", try #require(trade.queryToken)]
        let bill = try #require(trade.bills.first)
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                try await Self.running(1, stage) { addresses in
                    let payment = ["add"] + subject + ["--seller-id", trade.sellerID, "--after", "0s"]
                    #expect(try await Self.expect(payment, stage).hasPrefix("added "))
                    // Of two bills that were due, the payment names one.
                    for id in [bill.id, "nobody pays"] {
                        let due = ["--community-id", trade.communityID, "--due", "2026-01-31"]
                        _ = try await Self.expect(["add", "--bill-entry-id", id] + due, stage)
                    }
                    let found = try await eventually("the payment and its bill to be found") {
                        let found = try await Self.fulfilled(stage)
                        return found.count == 2 ? found : nil
                    }
                    #expect(Set(found.map(\.subject)) == [subject[1], bill.id])
                    #expect(found.last?.settled?.fen == trade.totalFen)
                    #expect(stage.gateway.truth.timesAsked(trade.tradeNo) == 1)
                    let missing = try await Self.expect(["list", "--missing", "--json"], stage)
                    #expect(missing.contains(#""bill_entry_id":"nobody pays""#))
                    #expect(!missing.contains(#""bill_entry_id":"\#(bill.id)""#))
                    #expect(!missing.contains(#""kind":"trade""#) && !missing.contains(#""kind":"token""#))
                    _ = try await eventually("the metric to say so") {
                        let metrics = try await Self.metrics(addresses[0].admin, stage)
                        return metrics.contains(#"settled_expectations{state="missing"} 1"#) ? true : nil
                    }

                    let journal = DeliveryJournal()
                    try await stage.sender(to: addresses[0].notify, journal).send(scenario.deliveries)
                    _ = try await eventually("the late notification to end") {
                        let ended = "SELECT count(*) FROM settled.job_history WHERE outcome = 'already_settled'"
                        return try await Self.number(ended, stage) == 1 ? true : nil
                    }
                    #expect(try await Self.number("SELECT count(*) FROM settled.settlements", stage) == 1)
                    try await stage.judge(journal)
                    #expect(try await Self.expect(payment, stage).hasPrefix("known "))
                }
            }
        }
    }

    @Test func `the sweeps of two programs queue one job for each payment, and each is settled once`() async throws {
        let scenario = Scenario(.init(seed: 32, notifications: 60, mix: .plain))
        let trades = scenario.trades.map(\.trade)
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let file = stage.folder + "/expected.csv"
                let rows = trades.map { "\($0.tradeNo),\($0.sellerID),0\n" }.joined()
                try ("trade_no,seller_id,after_seconds\n" + rows).write(
                    toFile: file, atomically: true, encoding: .utf8)
                _ = try await Self.expect(["add", "--file", file], stage)
                try await Self.running(2, stage) { _ in
                    _ = try await eventually("all payments to be found") {
                        try await Self.fulfilled(stage).count == trades.count ? true : nil
                    }
                }
                #expect(trades.allSatisfy { stage.gateway.truth.timesAsked($0.tradeNo) == 1 })
                let jobs = "SELECT count(*) FROM settled.job_list WHERE queue = 'pay-results'"
                #expect(try await Self.number(jobs, stage) == Int64(trades.count))
                #expect(
                    try await Self.number("SELECT count(*) FROM settled.settlements", stage) == Int64(trades.count))
                _ = try await Self.expect(["list", "--missing"], stage, code: 3)
            }
        }
    }
}
