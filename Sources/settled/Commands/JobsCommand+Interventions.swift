import ArgumentParser
import JobQueue
import Postgres

extension JobsCommand {
    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make failed, quarantined or cancelled jobs ready again; let held ones out.",
            discussion: """
                Name jobs by their ids, or choose them by what they have in common; at most 1000 at a time. A replay asks the \
                gateway again, and a trade that is settled already is compared, never settled twice. Ends with 3 when none \
                match and 5 when a job's state or unique key stands in the way.
                """)

        @Argument(help: "The ids of the jobs.")
        var ids: [Int64] = []
        @OptionGroup var filter: JobFilterOptions
        @Option(name: .long, help: "How many at most, when they are chosen by a filter, 1 to 1000.")
        var limit = 1000
        @OptionGroup var intervention: InterventionOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard ids.isEmpty != filter.isEmpty else {
                throw ValidationError("name either ids or a filter such as --state quarantined --cause WORD")
            }
            guard (1...1000).contains(limit), ids.count <= 1000 else {
                throw ValidationError("at most 1000 jobs at a time")
            }
        }

        func run() async throws {
            try await DatabaseVisit.run(configuration) {
                [ids, filter = filter.filter, limit, intervention, output] pool in
                var chosen = ids
                if chosen.isEmpty {
                    chosen = try await pool.withConnection(DatabaseVisit.lane) { connection in
                        try await JobStore.replay(
                            filter, limit: limit, by: intervention.actor, dryRun: true, on: connection)
                    }.map(\.jobID)
                    if chosen.count == limit { output.note("only the newest \(limit): run it again for the rest") }
                }
                let replay = JobIntervention(done: "replayed", readies: true) {
                    (ids, actor, dryRun, connection) throws(PostgresError) in
                    try JobStore.replay(ids, by: actor, dryRun: dryRun, on: connection)
                }
                try await replay.run(on: chosen, intervention, output, pool: pool)
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End jobs that are not wanted; a running one is refused.",
            discussion: "A cancelled job can be replayed until it is pruned.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            try await target.intervene(
                JobIntervention(done: "cancelled") { (ids, actor, dryRun, connection) throws(PostgresError) in
                    try JobStore.cancel(ids, by: actor, dryRun: dryRun, on: connection)
                })
        }
    }

    struct Quarantine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set waiting jobs aside for a person.",
            discussion: "A quarantined job waits until somebody replays, resolves or cancels it.")

        @OptionGroup var target: JobTarget

        func run() async throws {
            try await target.intervene(
                JobIntervention(done: "quarantined") { (ids, actor, dryRun, connection) throws(PostgresError) in
                    try JobStore.quarantine(ids, by: actor, dryRun: dryRun, on: connection)
                })
        }
    }

    struct Resolve: AsyncParsableCommand {
        enum Verdict: String, ExpressibleByArgument, CaseIterable, Sendable { case accepted, dismissed }

        static let configuration = CommandConfiguration(
            abstract: "Close quarantined jobs with a person's verdict.",
            discussion: """
                accepted: a person has looked and takes the case for settled elsewhere, by hand or by another job. \
                dismissed: nothing is to be done. Either way the job ends as done with that word as its outcome, with who \
                said so and why. Neither writes a settlement, and nothing appears in the feed: only a signed answer of the \
                gateway can do that. When money is still to be settled, mend the cause and use `jobs replay`, or ask again with \
                `settled query`.
                """)

        @Option(name: .customLong("as"), help: "accepted or dismissed.")
        var verdict: Verdict
        @OptionGroup var target: JobTarget

        func run() async throws {
            let outcome = verdict.rawValue
            try await target.intervene(
                JobIntervention(done: "resolved as \(outcome)") {
                    (ids, actor, dryRun, connection) throws(PostgresError) in
                    try JobStore.resolve(ids, as: outcome, by: actor, dryRun: dryRun, on: connection)
                })
        }
    }
}

/// The jobs that a person names, and how they are changed.
struct JobTarget: ParsableArguments {
    @Argument(help: "The ids of the jobs.")
    var ids: [Int64]
    @OptionGroup var intervention: InterventionOptions
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1000).contains(ids.count) else { throw ValidationError("name 1 to 1000 jobs") }
    }

    func intervene(_ change: JobIntervention) async throws {
        try await DatabaseVisit.run(configuration) { pool in
            try await change.run(on: ids, intervention, output, pool: pool)
        }
    }
}
