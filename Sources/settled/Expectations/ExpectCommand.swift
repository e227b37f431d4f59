import ArgumentParser
import Postgres
import Settlement
import Wire

/// `settled expect`: payments that the business knows of and nobody has announced (掉单), and bills that are due.
struct ExpectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expect",
        abstract: "Say which payments and bills are expected, and see which are missing (掉单).",
        subcommands: [Add.self, List.self, Show.self, Cancel.self])
}

extension ExpectCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List expectations, the newest first; ends with 3 when none match.",
            discussion: """
                Where each stands is read from the ledger now: waiting, missing (its time is up and there is no settlement), \
                fulfilled or cancelled.
                """)

        @Flag(name: .long, help: "Only what is missing; the same as --state missing.")
        var missing = false
        @Option(name: .long, help: "waiting, missing, fulfilled or cancelled.")
        var state: ExpectationState?
        @Option(name: .long, help: "The trade number.")
        var tradeNo: String?
        @Option(name: .long, help: "The query_token.")
        var queryToken: String?
        @Option(name: .long, help: "The bill.")
        var billEntryID: String?
        @Option(name: .long, help: "The community of bills.")
        var communityID: String?
        @OptionGroup var page: PageOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if missing, state != nil { throw ValidationError("--missing is --state missing: give one of them") }
        }

        func run() async throws {
            var filter = ExpectationRecords.Filter()
            filter.state = missing ? .missing : state
            filter.tradeNo = tradeNo
            filter.queryToken = queryToken
            filter.billEntryID = billEntryID
            filter.communityID = communityID
            filter.before = page.before
            filter.limit = Int64(page.limit)
            let records = try await DatabaseVisit.run(configuration) { [filter] pool in
                try await ExpectationRecords(pool: pool).list(filter)
            }
            try Self.listing.print(
                records, "expectations", next: page.next(after: records.last?.id, count: records.count), output)
        }

        private static var listing: Listing<ExpectationRecord> {
            Listing<ExpectationRecord>(
                columns: [
                    .init("ID", .right), .init("KIND"), .init("EXPECTED"), .init("COMMUNITY"), .init("STATE"),
                    .init("DUE"), .init("AGE", .right), .init("AMOUNT", .right), .init("DONE"),
                ],
                cells: { record in
                    [
                        String(record.id), record.kind.rawValue, record.subject, record.communityID,
                        record.state.rawValue, record.dueAt.local(), record.age,
                        record.amountFen.map { Amount(fen: $0).yuan }, record.done,
                    ]
                },
                json: { JSONLine(object: $0.json) })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one expectation and what was done about it; ends with 3 when there is none.")

        @Argument(help: "Its id.")
        var id: Int64
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let record = try await DatabaseVisit.run(configuration) { [id] pool in
                try await ExpectationRecords(pool: pool).show(id)
            }
            guard let record else { throw CommandFailure("there is no expectation \(id)", .noneMatched) }
            StandardOutput.write(
                output.json ? JSONLine(object: record.json).line : ExpectationCard(record).text)
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Expect something no longer.",
            discussion: """
                A job that asks about it goes on, and what it finds is settled as ever. Ends with 3 when there is none of these \
                ids, and with 5 when one is fulfilled already.
                """)

        @Argument(help: "Their ids.")
        var ids: [Int64]
        @OptionGroup var intervention: InterventionOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (ids, actor, isRehearsal) = (Array(Set(ids)), intervention.actor, intervention.dryRun)
            if !isRehearsal { try intervention.agree(to: "cancel \(ids.count) expectations", count: ids.count) }
            let results = try await DatabaseVisit.run(configuration) { pool in
                try await ExpectationBook(pool: pool).cancel(ids, by: actor, isRehearsal: isRehearsal)
            }
            guard !results.isEmpty else { throw CommandFailure("there is no such expectation", .noneMatched) }
            for cancellation in results {
                var line = JSONLine()
                line.add("id", cancellation.id)
                line.add("result", cancellation.result.rawValue)
                if output.json { StandardOutput.write(line.line) }
                if !output.json { StandardOutput.line("\(cancellation.id) \(cancellation.result.rawValue)") }
            }
            if isRehearsal { output.note("a rehearsal: nothing was changed") }
            let missing = Set(ids).subtracting(results.map(\.id)).sorted()
            if !missing.isEmpty {
                output.note("there is no expectation " + missing.map { String($0) }.joined(separator: ", "))
            }
            if results.contains(where: { $0.result == .fulfilled }) { throw ExitCode.conflict }
        }
    }
}

extension ExpectationState: ExpressibleByArgument {}

extension ExpectationRecord {
    /// How long it has been missing, or how long it still waits.
    var age: String {
        switch state {
        case .missing: DurationText.text(.seconds(overdueSeconds))
        case .waiting: "in " + DurationText.text(.seconds(-overdueSeconds))
        case .fulfilled, .cancelled: ""
        }
    }
}
