import ArgumentParser
import Postgres
import Wire

/// `settled bench queue`.
struct QueueBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Measure the queue: jobs drained, jobs stored, and how soon one starts.",
        discussion: """
            Jobs do nothing; their state and history are kept. Beside them: what plain SQL does with the same rows, without \
            state, fence or history. --depth and --hold-snapshot are two more measurements, of what slows other queues down.
            """)

    @Option(name: .long, help: "Jobs to be drained in a round.")
    var jobs = 20_000
    @Option(name: .long, help: "Jobs that are started one by one, 50 a second.")
    var starts = 200
    @Option(name: .long, help: "Seconds for which jobs are stored.")
    var seconds = 2.0
    @Option(name: .long, help: ArgumentHelp("Drain also the first of so many ready jobs.", valueName: "n"))
    var depth: Int?
    @Option(
        name: .long,
        help: ArgumentHelp("Work at full speed also while another connection holds a snapshot.", valueName: "seconds"))
    var holdSnapshot: Double?
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try Bounds.check("jobs", jobs, 1...10_000_000)
        try Bounds.check("starts", starts, 1...100_000)
        if let depth { try Bounds.check("depth", depth, jobs...50_000_000) }
        guard (0.1...600).contains(seconds) else { throw ValidationError("--seconds takes 0.1 to 600") }
        if let holdSnapshot, !(1...3600).contains(holdSnapshot) {
            throw ValidationError("--hold-snapshot takes 1 to 3600 seconds")
        }
    }

    func run() async throws { try await options.run([bench]) }

    var bench: QueueBench {
        QueueBench(jobs: jobs, starts: starts, seconds: seconds, depth: depth, holdSnapshot: holdSnapshot)
    }
}

/// Jobs that do nothing: claimed, performed, fenced, completed and kept in the history.
struct QueueBench: Bench {
    let name = "queue"
    let connections = 12
    var promise: String { "every stored job was live or ended, none both; what was drained had ended, once" }

    var jobs = 20_000
    var starts = 200
    var seconds = 2.0
    var depth: Int?
    var holdSnapshot: Double?
    private static let batch = 100

    func round(
        on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void
    ) async throws -> [BenchFigure] {
        let steps = QueueSteps(database: database)
        let bare = BareQueue(database: database)
        let limit = try await bare.drained(jobs, batch: Self.batch)
        let drained = try await drain(steps, first: jobs, of: jobs)
        var figures = [
            BenchFigure(
                "no-op jobs drained", drained, "/s", beside: .init("plain SKIP LOCKED, 100 claimed, 100 marked", limit))
        ]
        try await database.reset()
        figures.append(
            BenchFigure(
                "jobs stored, \(Self.batch) a commit",
                try await steps.enqueue(batch: Self.batch, clients: 1, seconds: seconds), "/s",
                beside: .init("plain INSERT of 100 rows", try await bare.inserted(Self.batch, seconds: seconds))))
        figures += try await starts(database, steps)
        if let depth {
            figures.append(
                BenchFigure(
                    "drained of \(depth) ready", try await drain(steps, first: jobs, of: depth), "/s",
                    beside: .init("of \(jobs)", drained)))
        }
        if let holdSnapshot { figures.append(try await churn(database, steps, .seconds(holdSnapshot), note)) }
        return figures
    }

    private func drain(_ steps: QueueSteps, first: Int, of stored: Int) async throws -> Double {
        try await steps.database.reset()
        try await steps.fill(stored)
        let rate = try await steps.drain(first, concurrency: min(4_000, max(64, first)))
        try await Census.taken(of: steps.database).checkQueue(stored: stored, done: first)
        return rate
    }

    /// From the call that enqueues to the start of the handler, in another process.
    private func starts(_ database: DatabaseUnderBench, _ steps: QueueSteps) async throws -> [BenchFigure] {
        try await database.reset()
        let delays = try await steps.delays(starts, gap: .milliseconds(20))
        guard delays.count == starts else {
            throw CommandFailure("\(starts) jobs were stored, \(delays.count) started: something was lost or doubled")
        }
        return [
            BenchFigure("from enqueue to start, median", Percentile.of(delays, 0.5), "ms"),
            BenchFigure("from enqueue to start, 99th percentile", Percentile.of(delays, 0.99), "ms"),
        ]
    }

    private func churn(
        _ database: DatabaseUnderBench, _ steps: QueueSteps, _ hold: Duration, _ note: (String) -> Void
    ) async throws -> BenchFigure {
        try await database.reset()
        let step = min(.seconds(5), max(.milliseconds(500), hold / 15))
        let warm = 6
        let churn = try await steps.churn(
            warm: step * warm, hold: hold, after: .zero, step: step, concurrency: 4_000)
        note("jobs/s every \(DurationText.text(step)): " + churn.series.map { "\(Int($0))" }.joined(separator: " "))
        try await Census.taken(of: database).checkQueue(
            stored: try await steps.storedEver(), done: churn.total, unsure: QueueSteps.churnUnsure)
        // The first figure has the start in it.
        let before = Percentile.median(Array(churn.series[..<min(warm, churn.series.count)].dropFirst()))
        let held = churn.series.dropFirst(warm)
        return BenchFigure(
            "under a snapshot of \(DurationText.text(hold)), last third",
            Percentile.median(Array(held.suffix(max(1, held.count / 3)))), "/s", beside: .init("before", before))
    }
}
