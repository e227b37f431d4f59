import ArgumentParser
import Foundation
import JobQueue
import Postgres
import Synchronization
import SystemPackage
import Wire

/// `settled bench step`: one measurement of the queue, for a comparison that is driven from outside.
struct BenchStep: AsyncParsableCommand {
    enum Operation: String, ExpressibleByArgument, CaseIterable, Sendable {
        case reset, fill, enqueue1, enqueueN, drain, worker, latency, churn
    }

    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Do one measurement of the queue and print it as JSON, for a harness that compares queues.",
        discussion: """
            reset drops the schema settled of the database and makes it anew. Everything else works on what is there: fill \
            stores jobs, enqueue1 and enqueueN store them one and many a commit, drain works on them until the database holds \
            all as completed, latency starts a worker in another process and times from the call that enqueues to the start of \
            the handler, churn holds a snapshot open for a while under full load.
            """)

    @Argument(help: "reset, fill, enqueue1, enqueueN, drain, worker, latency or churn.")
    var operation: Operation
    @Option(name: .long, help: "The database, as libpq takes it; it belongs to the measurement.")
    var database: String
    @Option(name: .long, help: "A name for the result.")
    var peer = "settled"
    @Option(name: .long, help: "Jobs.")
    var n = 20_000
    @Option(name: .long, help: "Concurrent senders, or jobs in a worker's hands.")
    var conc = 0
    @Option(name: .long, help: "For how long.")
    var secs = 3.0
    @Option(name: .long, help: "Jobs in each commit.")
    var batch = 100
    @Option(name: .long, help: "Seconds between two jobs.")
    var gap = 0.02
    @Option(name: .long, help: "Seconds before the snapshot is taken.")
    var warm = 10.0
    @Option(name: .long, help: "Seconds for which it is held.")
    var pin = 60.0
    @Option(name: .long, help: "Seconds after it.")
    var after = 10.0
    @Option(name: .long, help: "Seconds of one figure in the series.")
    var step = 5.0
    @Option(name: .long, help: "Where a worker notes its delays, one line of milliseconds each.")
    var log: String?
    @Option(name: .long, help: "Finished jobs to store beforehand, with fill.")
    var history = 0

    func validate() throws {
        guard (1...50_000_000).contains(n), (0...100_000).contains(conc), (1...100_000).contains(batch),
            (0...50_000_000).contains(history)
        else { throw ValidationError("--n, --conc, --batch or --history is out of bounds") }
        for seconds in [secs, gap, warm, pin, after, step] where !(0...3600).contains(seconds) {
            throw ValidationError("times are 0 to 3600 seconds")
        }
        guard step > 0 else { throw ValidationError("--step is more than 0") }
        guard operation != .worker || log != nil else { throw ValidationError("worker needs --log") }
    }

    func run() async throws {
        let database = DatabaseUnderBench(settings: ConnectionSettings(database))
        let steps = QueueSteps(database: database)
        var line = JSONLine()
        line.add("peer", peer)
        line.add("op", operation.rawValue)
        switch operation {
        case .reset:
            try await database.reset()
        case .fill:
            if history > 0 { try await steps.fillHistory(history) }
            try await steps.fill(n)
        case .enqueue1:
            line.add("rate", figure: try await steps.enqueue(batch: 1, clients: max(1, conc), seconds: secs))
        case .enqueueN:
            line.add("rate", figure: try await steps.enqueue(batch: batch, clients: max(1, conc), seconds: secs))
        case .drain:
            line.add("rate", figure: try await steps.drain(n, concurrency: conc == 0 ? 4_000 : conc))
        case .worker:
            try await work(steps)
            return
        case .latency:
            let delays = try await steps.delays(n, gap: .seconds(gap))
            line.add("n", Int64(delays.count))
            line.add("p50", figure: Percentile.of(delays, 0.5))
            line.add("p99", figure: Percentile.of(delays, 0.99))
        case .churn:
            let churn = try await steps.churn(
                warm: .seconds(warm), hold: .seconds(pin), after: .seconds(after), step: .seconds(step),
                concurrency: conc == 0 ? 4_000 : conc)
            line.add("series", raw: "[" + churn.series.map { "\(Int($0))" }.joined(separator: ",") + "]")
            line.add("step", figure: step)
            line.add("total", Int64(churn.total))
            line.add("unsure", Int64(QueueSteps.churnUnsure))
            line.add("dead", churn.deadRows)
        }
        StandardOutput.write(line.line)
    }

    /// Works until SIGTERM, and notes how late each handler began.
    private func work(_ steps: QueueSteps) async throws {
        let file = try FileDescriptor.open(
            FilePath(log ?? ""), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        let lines = Mutex("")
        try await steps.withRunner(
            // Two would both look for the one job that a signal is about.
            concurrency: 64, runners: 1,
            seen: { lease in
                let now = SystemClock.microseconds()
                guard let sent = QueueSteps.sentAt(lease) else { return }
                lines.withLock { $0 += "\(Double(now - sent) / 1000)\n" }
            }
        ) {
            _ = await Interrupt.wait()
        }
        try file.closeAfter { _ = try file.writeAll(Array(lines.withLock { $0 }.utf8)) }
    }
}
