import ArgumentParser
import JobQueue
import Postgres
import Settlement

/// `settled queues`: how much waits where, and the switch that stops claims.
struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues", abstract: "List, pause and resume queues.",
        subcommands: [List.self, Pause.self, Resume.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the queues with what waits in them.")

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let queues = try await DatabaseVisit.run(configuration) { try await QueueOverview.all($0) }
            let listing = Listing<QueueOverview>(
                columns: [
                    .init("QUEUE"), .init("READY", .right), .init("RUNNING", .right), .init("WAITING", .right),
                    .init("HELD", .right), .init("QUARANTINED", .right), .init("OLDEST READY", .right), .init("CLAIMS"),
                    .init("SINCE"),
                    .init("REASON"),
                ],
                cells: { queue in
                    let state = queue.state
                    return [
                        queue.name, String(queue[.ready]), String(queue[.running]),
                        String(queue[.scheduled] + queue[.retrying]), String(queue[.held]), String(queue[.quarantined]),
                        queue.oldestReady.map { "\($0.components.seconds) s" },
                        state?.isPaused == true ? "paused by \(state?.changedBy ?? "")" : "open",
                        state?.isPaused == true ? state?.changedAt.local() : queue.holds.first?.since.local(),
                        state?.isPaused == true ? state?.reason : queue.standing,
                    ]
                },
                json: \.line)
            try listing.print(queues, "queues", output)
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop claims from a queue, in all processes; what runs goes on to its end.")

        @OptionGroup var target: QueueTarget

        func run() async throws {
            try await target.change("paused") { (queue, actor, connection) throws(PostgresError) in
                try JobStore.pause(queue: queue, by: actor, on: connection)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let claims from a queue happen again.")

        @OptionGroup var target: QueueTarget

        func run() async throws {
            try await target.change("open") { (queue, actor, connection) throws(PostgresError) in
                try JobStore.resume(queue: queue, by: actor, on: connection)
                try JobSignal.announce([queue], on: connection)
            }
        }
    }
}

/// The queue that a person names, and why they change it.
struct QueueTarget: ParsableArguments {
    @Argument(help: "The queue's name.")
    var name: String
    @OptionGroup var intervention: InterventionOptions
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func change(
        _ end: String,
        _ act: @escaping @Sendable (String, Actor, isolated Connection) throws(PostgresError) -> Void
    ) async throws {
        try await DatabaseVisit.run(configuration) { pool in
            // A misspelled name would be paused without effect, which is worse than an error.
            guard try await QueueOverview.all(pool).contains(where: { $0.name == name }) else {
                throw CommandFailure("there is no queue \(name)", .noneMatched)
            }
            if !intervention.dryRun {
                try await pool.withConnection(DatabaseVisit.lane) { connection in
                    try await act(name, intervention.actor, connection)
                }
            }
        }
        output.note("queue \(name) \(intervention.dryRun ? "would be" : "is") \(end)")
    }
}

/// A queue with its counts; also one that holds jobs and was never served.
struct QueueOverview: Sendable {
    let name: String
    let state: QueueState?
    let counts: [JobState: Int]
    let oldestReady: Duration?
    /// The oldest first.
    let holds: [Hold]

    subscript(_ state: JobState) -> Int { counts[state] ?? 0 }

    static func all(_ pool: Pool) async throws -> [QueueOverview] {
        let (states, counts, holds) = try await pool.withConnection(DatabaseVisit.lane) { connection in
            (
                try await JobStore.queues(on: connection), try await JobStore.counts(on: connection),
                try await JobStore.holds(on: connection)
            )
        }
        let names = Set(states.map(\.name) + counts.map(\.queue) + [PayResultJob.queue])
        return names.sorted().map { name in
            let own = counts.filter { $0.queue == name }
            return QueueOverview(
                name: name, state: states.first { $0.name == name },
                counts: Dictionary(own.map { ($0.state, $0.count) }, uniquingKeysWith: +),
                oldestReady: own.compactMap(\.oldestReadyAge).max(), holds: holds.filter { $0.queue == name })
        }
    }

    /// What its jobs are held by, in few words; nil when nothing stands in their way.
    var standing: String? {
        holds.isEmpty ? nil : holds.map { "\($0.count) held under \($0.key): \($0.cause)" }.joined(separator: "; ")
    }

    var line: JSONLine {
        var line = JSONLine()
        line.add("queue", name)
        for state in JobState.allCases where !state.hasEnded { line.add(state.rawValue, self[state]) }
        line.add("oldest_ready_seconds", oldestReady?.components.seconds)
        line.add("holds", holds.map(\.line))
        line.add("paused", state?.isPaused ?? false)
        line.add("reason", state?.reason)
        line.add("changed_by", state?.changedBy)
        line.add("changed_at", state?.changedAt)
        return line
    }
}
