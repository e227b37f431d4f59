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
                try await JobRecords(pool: pool).list(filter, before: page.before, limit: page.limit)
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
                json: { JSONLine(object: $0.json) })
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
            let found = try await DatabaseVisit.run(configuration) { try await JobRecords(pool: $0).show(id) }
            guard let dossier = found else { throw CommandFailure("there is no job \(id)", .noneMatched) }
            JobCard(dossier).print(output)
        }
    }
}

/// Which jobs are meant; all conditions that are given hold together.
struct JobFilterOptions: ParsableArguments {
    @Option(name: .long, help: "ready, scheduled, retrying, running, held, quarantined, done, failed or cancelled.")
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
