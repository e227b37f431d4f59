import ArgumentParser
import JobQueue
import Postgres
import Settlement

/// `settled jobs`: what waits, why, and what a person may do about it.
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List, show and intervene in jobs.",
        subcommands: [
            List.self, Show.self, Replay.self, Resolve.self, Cancel.self, Quarantine.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List jobs, live and ended, the newest first; ends with 3 when none match.")

        @OptionGroup var filter: JobFilterOptions
        @OptionGroup var page: PageOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let jobs = try await DatabaseVisit.run(configuration) { [filter = filter.filter, page] pool in
                try await pool.withConnection(DatabaseVisit.lane) { connection in
                    try await JobStore.list(filter, before: page.before, limit: page.limit, on: connection)
                }
            }
            let listing = Listing<Job>(
                columns: [
                    .init("ID", .right), .init("STATE"), .init("OUTCOME"), .init("KIND"), .init("SUBJECT"),
                    .init("TRIES", .right), .init("CREATED"), .init("CAUSE"), .init("MESSAGE"),
                ],
                cells: { job in
                    [
                        String(job.id), job.state.rawValue, job.outcome, job.kind, job.subject, String(job.attempt),
                        job.createdAt.local(), job.cause, job.message,
                    ]
                },
                json: \.line)
            try listing.print(jobs, "jobs", next: page.next(after: jobs.last?.id, count: jobs.count), output)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a job from the notification to the settlement.")

        @Argument(help: "The job's id.")
        var id: Int64
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let found = try await DatabaseVisit.run(configuration) { pool -> JobCard? in
                let detail = try await pool.withConnection(DatabaseVisit.lane) { connection in
                    try await JobStore.show(id, on: connection)
                }
                guard let detail else { return nil }
                return JobCard(detail, try await JobTrace.of(id, args: detail.job.args, pool: pool))
            }
            guard let card = found else { throw CommandFailure("there is no job \(id)", .noneMatched) }
            StandardOutput.write(output.json ? card.line.line : card.text)
        }
    }
}

/// Which jobs are meant; all conditions that are given hold together.
struct JobFilterOptions: ParsableArguments {
    @Option(name: .long, help: "ready, scheduled, retrying, running, quarantined, done, failed or cancelled.")
    var state: JobState?
    @Option(name: .long, help: "The queue.")
    var queue: String?
    @Option(name: .long, help: "The kind.")
    var kind: String?
    @Option(name: .long, help: "The cause of the last failure, such as foreign_receiver.")
    var cause: String?
    @Option(name: .long, help: "The trade number or token.")
    var subject: String?

    var filter: JobFilter { JobFilter(state: state, queue: queue, kind: kind, cause: cause, subject: subject) }

    var isEmpty: Bool { filter == JobFilter() }
}

extension JobState: ExpressibleByArgument {}

extension Job {
    var line: JSONLine {
        var line = JSONLine()
        line.add("id", id)
        line.add("queue", queue)
        line.add("kind", kind)
        line.add("state", state.rawValue)
        line.add("outcome", outcome)
        line.add("subject", subject)
        line.add("cause", cause)
        line.add("message", message)
        line.add("note", note)
        line.add("priority", priority.rawValue)
        line.add("attempt", attempt)
        line.add("crashes", crashes)
        line.add("unique_key", uniqueKey)
        line.add("created_at", createdAt)
        line.add("run_at", runAt)
        line.add("first_attempt_at", firstAttemptAt)
        line.add("finished_at", finishedAt)
        line.add("lease_epoch", leaseEpoch)
        line.add("worker", worker)
        line.add("lease_expires_at", leaseExpiresAt)
        line.add("args", raw: args)
        return line
    }
}
