import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import TestSupport
import Testing

/// Withholding with the real program, the real wire and a platform that tells a story.
@Suite struct WithholdingTests {
    private static let appKey = "12345678"
    private static let secret = "helloworld"

    private static func environment(_ url: String, _ more: [String: String] = [:]) -> [String: String] {
        [
            "SETTLED_HTTP_LISTEN": "127.0.0.1:0", "SETTLED_TAOBAO_GATEWAY": url, "SETTLED_TAOBAO_APP_KEY": appKey,
            "SETTLED_TAOBAO_APP_SECRET": secret, "SETTLED_TAOBAO_SESSION": "session-1",
            "SETTLED_WITHHOLDING_AMOUNT_UNIT": "fen", "SETTLED_WITHHOLDING_POLL_SCHEDULE": "1s",
        ].merging(more) { $1 }
    }

    private static func command(_ arguments: [String], _ stage: RealStage, _ environment: [String: String]) async throws
        -> String
    {
        let child = try RealProgram(
            arguments + ["--config", stage.configuration], folder: stage.folder, environment: environment)
        let end = await child.waitForEnd()
        guard end == .exit(0) else { throw RealProgram.Failure(description: "\(arguments): \(end) \(child.output)") }
        return child.output
    }

    private static func items(_ stage: RealStage) async throws -> [String] {
        try await FeedReader(pool: stage.pool).items(of: "main", after: 0, limit: 100)
            .map { String(decoding: $0.payload, as: UTF8.self) }
    }

    private static func stage(
        _ orders: [PlatformOrder], _ body: (RealStage, TOPSimulator, String) async throws -> Void
    ) async throws {
        let platform = TOPSimulator(
            appKey: appKey, secret: secret, book: OrderBook(orders, session: "session-1"))
        try await stage(platform) { stage, url in try await body(stage, platform, url) }
    }

    private static func stage(
        _ platform: TOPSimulator, _ body: (RealStage, String) async throws -> Void
    ) async throws {
        try await Turns.one {
            try await RealStage.with(Scenario(.init(seed: 7, notifications: 1, mix: .plain))) { stage in
                try await platform.whileRunning { url in try await body(stage, url) }
            }
        }
    }

    /// Runs the program for as long as `body` takes; it ends as told.
    private static func running(
        _ stage: RealStage, _ environment: [String: String], _ body: (RealProgram) async throws -> Void
    ) async throws {
        let program = try RealProgram(
            ["run", "--config", stage.configuration], folder: stage.folder, environment: environment)
        try await program.during {
            _ = try await program.addresses()
            try await body(program)
        }
    }

    /// The one number that `sql` asks for, through a connection of its own.
    private static func number(_ sql: String, _ stage: RealStage) async throws -> Int64 {
        let connection = Connection(stage.database)
        try await connection.connect()
        let number = try await connection.query(Statement("e2e.number", sql)).first?.int8(0)
        await connection.close()
        return number ?? -1
    }

    private static func add(_ ids: [String], _ stage: RealStage, _ environment: [String: String]) async throws {
        let file = stage.folder + "/orders.csv"
        try ("biz_order_id,pay_biz_code\n" + ids.map { "\($0),R1\n" }.joined()).write(
            toFile: file, atomically: true, encoding: .utf8)
        _ = try await command(["withholding", "add", "--file", file], stage, environment)
    }

    private static func ended(_ count: Int64, _ stage: RealStage) async throws {
        let sql = Statement(
            "e2e.ended", "SELECT count(*) AS ended FROM settled.withholdings WHERE ended_at IS NOT NULL")
        _ = try await eventually("\(count) orders to end") {
            try await stage.pool.query(FeedReader.lane, sql).first?.int8("ended") == count ? true : nil
        }
    }

    @Test(arguments: ["json", "xml"])
    func `an order that is paid bit by bit becomes items of the feed, and asking again adds none`(format: String)
        async throws
    {
        let now = Int64(Date().timeIntervalSince1970)
        let orders = [
            PlatformOrder("12838882", story: .paid, amounts: [50, 70], paidAt: now),
            PlatformOrder(
                "12838883", story: .partly, amounts: [30, 40], paidAt: now, faults: [.page(502), .wrongOrder, .half]),
            PlatformOrder("12838884", story: .failed, amounts: [10], paidAt: now),
        ]
        try await Self.stage(orders) { stage, platform, url in
            let environment = Self.environment(url, ["SETTLED_TAOBAO_FORMAT": format])
            let program = try RealProgram(
                ["run", "--config", stage.configuration], folder: stage.folder, environment: environment)
            try await program.during {
                let addresses = try await program.addresses()
                try await Self.add(["12838882", "12838883", "12838884"], stage, environment)
                try await Self.ended(3, stage)
                let items = try await eventually("three items") {
                    let items = try await Self.items(stage)
                    return items.count == 3 ? items : nil
                }
                for (plan, amount) in [("12838882_1", 50), ("12838882_2", 70), ("12838883_1", 30)] {
                    let item = try #require(items.first { $0.contains(#""plan_id":"R1_\#(plan)""#) })
                    #expect(item.contains(#""kind":"withholding""#) && item.contains(#""assurance":"tls""#))
                    #expect(item.contains(#""total_amount_fen":\#(amount),"#))
                }
                #expect(platform.book.answers("12838882") == ["INIT", "PARTIAL_SUCCESSED", "SUCCESSED"])
                #expect(platform.book.refusals.isEmpty)
                // Adding again and replaying what has ended ask nothing and add nothing.
                try await Self.add(["12838882", "12838883"], stage, environment)
                let listed = try await Self.command(
                    ["withholding", "list", "--json", "--status", "SUCCESSED"], stage, environment)
                #expect(listed.contains(#""biz_order_id":"12838882""#) && listed.contains(#""total_amount_fen":120"#))
                #expect(platform.book.answers("12838882").count == 3)
                #expect(try await Self.items(stage).count == 3)
                #expect(try await FeedVerification(pool: stage.pool).verify().isSound)
                let metrics = try await Self.get("http://\(addresses.admin)/metrics", stage)
                #expect(metrics.contains(#"settled_withholding_polls_total{verdict="SUCCESSED"} 1"#))
                #expect(metrics.contains("settled_top_ban_seconds 0"))
            }
        }
    }

    @Test func `during a ban nobody asks, no attempt is spent, and then every order ends`() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        let orders = (1...6).map { PlatformOrder("\($0)", story: .failed, amounts: [10], paidAt: now) }
        let book = OrderBook(
            orders, session: "session-1", limit: .init(calls: 5, span: .seconds(600), ban: .seconds(2)))
        let platform = TOPSimulator(appKey: Self.appKey, secret: Self.secret, book: book)
        try await Self.stage(platform) { stage, url in
            let environment = Self.environment(url, ["SETTLED_WITHHOLDING_CONCURRENCY": "1"])
            try await Self.running(stage, environment) { _ in
                try await Self.add(orders.map(\.bizOrderID), stage, environment)
                try await Self.ended(6, stage)
            }
            #expect(book.asksDuringBans == 0)
            #expect(book.refusals["accesscontrol.limited-by-api-access-count"] ?? 0 >= 2)
            #expect(
                try await Self.number("SELECT count(*) FROM settled.job_attempts WHERE disposition = 'retry'", stage)
                    == 0)
        }
    }

    @Test func `a session that has run out holds the orders, and the new one lets them go on without a restart`()
        async throws
    {
        let now = Int64(Date().timeIntervalSince1970)
        let orders = (1...3).map { PlatformOrder("\($0)", story: .paid, amounts: [10], paidAt: now) }
        let book = OrderBook(orders, session: "session-2")
        let platform = TOPSimulator(appKey: Self.appKey, secret: Self.secret, book: book)
        try await Self.stage(platform) { stage, url in
            let file = stage.folder + "/session"
            try "session-1\n".write(toFile: file, atomically: true, encoding: .utf8)
            var environment = Self.environment(
                url, ["SETTLED_GATEWAY_PROBE_INTERVAL": "1s", "SETTLED_TAOBAO_SESSION_FILE": file])
            environment["SETTLED_TAOBAO_SESSION"] = nil
            try await Self.running(stage, environment) { [environment] program in
                try await Self.add(orders.map(\.bizOrderID), stage, environment)
                _ = try await eventually("all orders to be held") {
                    let held = "SELECT count(*) FROM settled.jobs WHERE state = 'held' AND cause = 'invalid-sessionkey'"
                    return try await Self.number(held, stage) == 3 ? true : nil
                }
                #expect(book.answers("1").isEmpty)
                try "session-2\n".write(toFile: file, atomically: true, encoding: .utf8)
                program.send(SIGHUP)
                try await Self.ended(3, stage)
            }
            let spent = "SELECT count(*) FROM settled.job_attempts WHERE disposition = 'retry'"
            #expect(try await Self.number(spent, stage) == 0)
            #expect(
                try await Self.number("SELECT count(*) FROM settled.settlements WHERE assurance = 'tls'", stage) == 3)
        }
    }

    @Test(arguments: ["work.answered", "work.inserted", "work.committed"])
    func `a program that is killed between two instalments settles each of them once`(failPoint: String) async throws {
        let now = Int64(Date().timeIntervalSince1970)
        let order = PlatformOrder("1", story: .paid, amounts: [50, 70], paidAt: now)
        try await Self.stage([order]) { stage, _, url in
            let environment = Self.environment(url)
            var first = environment
            first["SETTLED_FAILPOINT"] = "\(failPoint):kill:2"
            let killed = try RealProgram(
                ["run", "--config", stage.configuration], folder: stage.folder, environment: first)
            try await killed.during(endingWith: .signal(SIGKILL)) {
                _ = try await killed.addresses()
                try await Self.add(["1"], stage, environment)
                _ = await killed.waitForEnd()
            }
            let second = try RealProgram(
                ["run", "--config", stage.configuration], folder: stage.folder, environment: environment)
            try await second.during {
                try await Self.ended(1, stage)
                let items = try await eventually("two items") {
                    let items = try await Self.items(stage)
                    return items.count >= 2 ? items : nil
                }
                #expect(items.count == 2)
                #expect(try await FeedVerification(pool: stage.pool).verify().isSound)
            }
        }
    }

    private static func get(_ url: String, _ stage: RealStage) async throws -> String {
        let child = try RealProgram(["-sS", url], folder: stage.folder, executable: "/usr/bin/curl")
        _ = await child.waitForEnd()
        return child.output
    }
}
