import ArgumentParser
import Postgres

/// `settled bench line`.
struct LineBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "line",
        abstract: "Measure the whole line: from a notification to its settlement.",
        discussion: """
            `settled run`, the sender and the gateway are three processes; with PostgreSQL they share this machine. First as \
            fast as it goes, until all is settled; then at half of that rate, for the time that each payment takes.
            """)

    @Option(name: .long, help: "Notifications in each round.")
    var notifications = 8_000
    @Option(name: .long, help: "Connections of the sender.")
    var clients = 64
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try Bounds.check("notifications", notifications, 20...1_000_000)
        try Bounds.check("clients", clients, 1...1024)
    }

    func run() async throws { try await options.run([LineBench(notifications: notifications, clients: clients)]) }
}

/// From the notification to the settlement, everything on one machine.
struct LineBench: Bench {
    let name = "line"
    let connections = 40
    let promise = "every acknowledged notification was settled, once; the feed has each settlement once, in order"

    var notifications = 8_000
    var clients = 64

    func round(
        on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void
    ) async throws -> [BenchFigure] {
        note("signing \(notifications) notifications and answers")
        return try await BenchScene.with(notifications) { [self] scene in
            try await scene.gateway { url in
                try scene.configure(database: database, gateway: url)
                let (rate, cpu) = try await full(scene, database)
                try await database.reset()
                let lag = try await paced(scene, database, rate: rate / 2)
                return [
                    BenchFigure("from notification to settlement, full speed", rate, "/s"),
                    BenchFigure("CPU of the program a payment", cpu * 1e6, "µs"),
                    BenchFigure("at half of that: to the settlement\(lag.what), median", lag.median, "ms"),
                    BenchFigure("at half of that: to the settlement\(lag.what), 99th percentile", lag.p99, "ms"),
                ]
            }
        }
    }

    /// Payments a second, and processor seconds a payment.
    private func full(_ scene: BenchScene, _ database: DatabaseUnderBench) async throws -> (Double, Double) {
        try await database.settle()
        return try await scene.service("run") { run in
            let (start, before) = (ContinuousClock.now, run.process.cpuSeconds)
            _ = try await scene.post(0..<notifications, to: run, clients: clients)
            let soundness = Soundness(database: database)
            try await soundness.settled(notifications)
            let took = start.duration(to: .now) / .seconds(1)
            let cpu = run.process.cpuSeconds - before
            try await soundness.published(notifications)
            try await Census.taken(of: database).checkLine(acknowledged: notifications)
            return (Double(notifications) / took, cpu / Double(notifications))
        }
    }

    private struct Lag: Sendable {
        let what: String
        let median: Double
        let p99: Double
    }

    /// The same notifications again, evenly in time, for four seconds at most.
    private func paced(_ scene: BenchScene, _ database: DatabaseUnderBench, rate: Double) async throws -> Lag {
        // What a program does only once is not what a payment usually waits for.
        let first = min(500, notifications / 10)
        let count = min(notifications, first + max(10, Int(rate * 4)))
        try await database.settle()
        try await scene.service("run") { run in
            _ = try await scene.post(0..<first, to: run, clients: clients, rate: rate)
            _ = try await scene.post(first..<count, to: run, clients: clients, rate: rate)
            let soundness = Soundness(database: database)
            try await soundness.settled(count)
            try await soundness.published(count)
        }
        try await Census.taken(of: database).checkLine(acknowledged: count)
        return try await lag(database, after: first)
    }

    /// By the server's clock, from the beginning of the transaction that stored the notification.
    ///
    /// Where the server does not keep the time of commits, the feed's number is taken, which is given later: whoever numbers sees
    /// only what is committed.
    private func lag(_ database: DatabaseUnderBench, after first: Int) async throws -> Lag {
        let end = try await database.commitTime(of: "s", otherwise: "f.numbered_at")
        let lags = Statement(
            "bench.lags",
            """
            SELECT (1000 * extract(epoch FROM \(end.sql) - k.received_at))::float8 AS ms
            FROM settled.settlements s JOIN settled.notification_keys k USING (job_id)
                 JOIN settled.feed f ON f.settlement_id = s.id AND f.feed_id = 'main'
            WHERE f.seq > $1
            """)
        let values = try await database.withConnection { connection in
            try await connection.query(lags, [.int8(Int64(first))]).map { try $0.float8("ms") }
        }
        return Lag(
            what: end.isCommit ? "'s commit" : "'s number in the feed", median: Percentile.of(values, 0.5),
            p99: Percentile.of(values, 0.99))
    }
}
