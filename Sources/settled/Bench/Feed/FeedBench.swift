import ArgumentParser
import Foundation
import Postgres
import Settlement

/// `settled bench feed`.
struct FeedBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed",
        abstract: "Measure the feed: one reader who takes all of it, readers who wait, and how soon an item is there.",
        discussion: """
            `settled run`, the readers and the gateway are processes of their own. The items of the export are settlements that \
            were written for the purpose; those of the arrivals are payments, 50 a second.
            """)

    @Option(name: .long, help: "Items to be exported in each round.")
    var items = 50_000
    @Option(name: .long, help: "Readers who wait.")
    var readers = 100
    @Option(name: .long, help: "Payments whose arrival is timed.")
    var arrivals = 200
    @Option(name: .long, help: "Seconds for which the readers wait.")
    var seconds = 5.0
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try Bounds.check("items", items, 1...10_000_000)
        try Bounds.check("readers", readers, 1...1_000)
        try Bounds.check("arrivals", arrivals, 1...100_000)
        guard (0.1...600).contains(seconds) else { throw ValidationError("--seconds takes 0.1 to 600") }
    }

    func run() async throws {
        try await options.run([FeedBench(items: items, readers: readers, arrivals: arrivals, seconds: seconds)])
    }
}

/// The feed, from the settlement's commit to its readers.
struct FeedBench: Bench {
    let name = "feed"
    let connections = 40
    let promise =
        "the feed has each settlement once, in order, in an unbroken chain; the reader got each item once, in order"

    var items = 50_000
    var readers = 100
    var arrivals = 200
    var seconds = 5.0

    func round(
        on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void
    ) async throws -> [BenchFigure] {
        note("writing \(items) settlements")
        try await InventedLedger(database: database).write(items)
        try await database.settle()
        return try await BenchScene.with(arrivals) { [self] scene in
            try await scene.gateway { url in
                try scene.configure(database: database, gateway: url)
                return try await scene.service("run") { run in
                    let soundness = Soundness(database: database)
                    try await soundness.published(items)
                    let players = try await FeedPlayers(scene: scene, service: run, database: database)
                    var figures = try await exported(players, run)
                    figures.append(try await waiting(players, run))
                    figures += try await soon(players, scene, run, database)
                    try await soundness.published(items + arrivals)
                    return figures
                }
            }
        }
    }

    private func exported(_ players: FeedPlayers, _ run: BenchScene.Service) async throws -> [BenchFigure] {
        _ = try await players.export(after: items / 2)
        let before = run.process.cpuSeconds
        let outcome = try await players.export(after: 0)
        let cpu = run.process.cpuSeconds - before
        guard outcome.items == items else {
            throw CommandFailure("the feed has \(items) items, a reader got \(outcome.items)")
        }
        return [
            BenchFigure("items exported to one reader", Double(items) / outcome.seconds, "/s"),
            BenchFigure("CPU of the server an item", cpu / Double(items) * 1e6, "µs"),
        ]
    }

    private func waiting(_ players: FeedPlayers, _ run: BenchScene.Service) async throws -> BenchFigure {
        let time = Duration.seconds(seconds)
        let alone = try await Self.cores(of: run.process, for: time)
        let used = try await players.idle(readers, after: items) {
            // That they connect is no part of waiting.
            try await Task.sleep(for: min(time, .seconds(2)))
            return try await Self.cores(of: run.process, for: time)
        }
        return BenchFigure("of a core for \(readers) readers who wait", max(0, used - alone) * 100, "%")
    }

    private static func cores(of process: AnotherProcess, for time: Duration) async throws -> Double {
        let (start, before) = (ContinuousClock.now, process.cpuSeconds)
        try await Task.sleep(for: time)
        return (process.cpuSeconds - before) / (start.duration(to: .now) / .seconds(1))
    }

    /// All but one of the readers wait for what never comes; the one notes when it has each item.
    private func soon(
        _ players: FeedPlayers, _ scene: BenchScene, _ run: BenchScene.Service, _ database: DatabaseUnderBench
    ) async throws -> [BenchFigure] {
        let arrived = try await players.idle(readers - 1, after: items + arrivals) {
            try await players.follow(after: items, count: arrivals) {
                _ = try await scene.post(0..<arrivals, to: run, clients: 4, rate: 50)
            }
        }
        guard arrived.count == arrivals else {
            throw CommandFailure("\(arrivals) settlements were made, a reader got \(arrived.count)")
        }
        let end = try await database.commitTime(of: "s", otherwise: "s.confirmed_at")
        let times = Statement(
            "bench.committed",
            """
            SELECT (extract(epoch FROM \(end.sql)) * 1000000)::int8 AS at FROM settled.feed f
            JOIN settled.settlements s ON s.id = f.settlement_id WHERE f.feed_id = 'main' AND f.seq > $1 ORDER BY f.seq
            """)
        let committed = try await database.withConnection { connection in
            try await connection.query(times, [.int8(Int64(items))]).map { try $0.int8("at") }
        }
        let ahead = try await database.clockAhead()
        let late = zip(arrived, committed).map { (Double($0 - $1) + ahead) / 1000 }
        let what = "from the settlement's \(end.isCommit ? "commit" : "transaction") to a reader"
        return [
            BenchFigure("\(what), median", Percentile.of(late, 0.5), "ms"),
            BenchFigure("\(what), 99th percentile", Percentile.of(late, 0.99), "ms"),
        ]
    }
}
