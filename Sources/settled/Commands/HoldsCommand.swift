import ArgumentParser
import JobQueue
import Postgres

/// `settled holds`: what keeps held jobs waiting, and the word of a person that it has passed.
struct HoldsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holds", abstract: "List and release holds: causes that keep many jobs waiting.",
        subcommands: [List.self, Release.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the holds, the oldest first; ends with 3 when there is none.",
            discussion: """
                A hold keeps all jobs waiting that something stands in the way of: a gateway that is down, a key that is refused, a \
                merchant's token that has run out. They spend no attempt. One of them is let out every minute to find out, and \
                when it gets through, all go back to work by themselves.
                """)

        @Option(name: .long, help: "The queue.")
        var queue: String?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let holds = try await DatabaseVisit.run(configuration) { [queue] pool in
                try await pool.withConnection(DatabaseVisit.lane) { try await JobStore.holds(queue: queue, on: $0) }
            }
            try Self.listing.print(holds, "holds", output)
        }

        private static var listing: Listing<Hold> {
            Listing<Hold>(
                columns: [
                    .init("KEY"), .init("QUEUE"), .init("HELD", .right), .init("SINCE"), .init("PROBES", .right),
                    .init("NEXT"), .init("CAUSE"), .init("REASON"),
                ],
                cells: { hold in
                    [
                        hold.key, hold.queue, String(hold.count), hold.since.local(), String(hold.probes),
                        hold.liftedAt == nil ? hold.nextAt.local() : "going back", hold.cause, hold.reason,
                    ]
                },
                json: \.line)
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the jobs of a hold go back to work now.",
            discussion: """
                Not needed when the cause has been mended: that is found out within a minute. They go back a few at a time, and \
                are held again if the cause still stands. Ends with 3 when there is no such hold.
                """)

        @Argument(help: "The hold's key, such as app:2021000000000001.")
        var key: String
        @Option(name: .long, help: "The queue; all when it is not given.")
        var queue: String?
        @OptionGroup var intervention: InterventionOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let released = try await DatabaseVisit.run(configuration) { [key, queue, intervention] pool in
                try await pool.withConnection(DatabaseVisit.lane) { connection in
                    let released = try await JobStore.release(
                        hold: key, queue: queue, by: intervention.actor, dryRun: intervention.dryRun, on: connection)
                    if !intervention.dryRun {
                        try await JobSignal.announce(Set(released.map(\.queue)), on: connection)
                    }
                    return released
                }
            }
            guard !released.isEmpty else { throw CommandFailure("no hold \(key) stands", .noneMatched) }
            if output.json { StandardOutput.write(released.map { $0.line.line }.joined()) }
            for hold in released {
                let done = intervention.dryRun ? "would go back" : "go back"
                output.note("\(hold.count) jobs of \(hold.queue) \(done) to work")
            }
        }
    }
}

extension Hold {
    /// One line of `--json`.
    var line: JSONLine {
        var line = JSONLine()
        line.add("queue", queue)
        line.add("key", key)
        line.add("cause", cause)
        line.add("reason", reason)
        line.add("since", since)
        line.add("held", count)
        line.add("out", out)
        line.add("probes", probes)
        line.add("next_at", nextAt)
        line.add("lifted_at", liftedAt)
        return line
    }
}
