import ArgumentParser

/// `settled bench intake`.
struct IntakeBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "intake",
        abstract: "Measure notifications over HTTP: verified, stored, committed, acknowledged.",
        discussion: """
            `settled serve` is a process of its own, and the sender another. Beside it: the same bytes inserted one row and one \
            commit at a time, by as many clients.
            """)

    @Option(name: .long, help: "Notifications in each round; they are signed on the spot.")
    var notifications = 10_000
    @Option(name: .long, help: "Connections of the sender.")
    var clients = 64
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try Bounds.check("notifications", notifications, 10...1_000_000)
        try Bounds.check("clients", clients, 1...1024)
    }

    func run() async throws { try await options.run([IntakeBench(notifications: notifications, clients: clients)]) }
}

/// Durable acknowledgements over real HTTP, through the real server.
struct IntakeBench: Bench {
    let name = "intake"
    var connections: Int { clients + 16 }
    let promise = "every acknowledged notification was stored once, with one job"

    var notifications = 10_000
    var clients = 64

    func round(
        on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void
    ) async throws -> [BenchFigure] {
        note("signing \(notifications) notifications")
        return try await BenchScene.with(notifications) { [self] scene in
            let limit = try await BareIntake(database: database).inserted(scene, clients: clients)
            try await database.reset()
            try await database.settle()
            try scene.configure(database: database)
            let (outcome, cpu) = try await scene.service("serve") { serve in
                // What a server does only once is not what a notification usually costs.
                let first = notifications / 10
                _ = try await scene.post(0..<first, to: serve, clients: clients)
                let before = serve.process.cpuSeconds
                let outcome = try await scene.post(first..<notifications, to: serve, clients: clients)
                return (outcome, serve.process.cpuSeconds - before)
            }
            try await Census.taken(of: database).checkIntake(acknowledged: notifications)
            return [
                BenchFigure(
                    "durable acknowledgements, \(clients) clients", outcome.rate, "/s",
                    beside: .init("single-row INSERT, \(clients) clients", limit)),
                BenchFigure("from request to answer, median", outcome.median, "ms"),
                BenchFigure("from request to answer, 99th percentile", outcome.p99, "ms"),
                BenchFigure("CPU of the server a request", cpu / Double(outcome.sent) * 1e6, "µs"),
            ]
        }
    }
}
