import Alipay
import ArgumentParser
import Postgres
import Settlement
import Wire

/// `settled settlements`: what was confirmed and may be booked.
struct SettlementsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settlements", abstract: "List and show settlements.", subcommands: [List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List settlements, the newest first; ends with 3 when none match.")

        @Option(name: .long, help: "The trade number.")
        var tradeNo: String?
        @Option(name: .long, help: ArgumentHelp("A bill among the lines.", valueName: "bill-entry-id"))
        var bill: String?
        @Option(name: .long, help: "The company that was paid.")
        var seller: String?
        @Option(name: .long, help: "The community that was paid for.")
        var community: String?
        @Option(name: .long, help: "The room that was paid for.")
        var room: String?
        @OptionGroup var page: PageOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var filter = SettlementRecords.Filter()
            filter.tradeNo = tradeNo
            filter.billEntryID = bill
            filter.sellerID = seller
            filter.communityID = community
            filter.roomID = room
            filter.before = page.before
            filter.limit = Int64(page.limit)
            let records = try await DatabaseVisit.run(configuration) { [filter] pool in
                try await SettlementRecords(pool: pool).list(filter)
            }
            let listing = Listing<SettlementRecords.Record>(
                columns: [
                    .init("ID", .right), .init("FEED", .right), .init("KIND"), .init("TRADE"), .init("TOTAL", .right),
                    .init("BILLS", .right), .init("SELLER"), .init("COMMUNITY"), .init("CONFIRMED"),
                ],
                cells: { record in
                    [
                        String(record.id), record.seq.map { String($0) }, record.kind, record.tradeNo,
                        Amount(fen: record.totalFen).yuan, String(record.bills), record.sellerID, record.communityID,
                        record.confirmedAt.local(),
                    ]
                },
                json: \.line)
            try listing.print(
                records, "settlements", next: page.next(after: records.last?.id, count: records.count), output)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show settlements with their bills and funds: one by its id, or all of a trade.",
            discussion: "A number of up to 12 digits is an id, everything else a trade number.")

        @Argument(help: "The settlement's id, or a trade number.")
        var subject: String
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var filter = SettlementRecords.Filter()
            // Trade numbers have 16 digits and more.
            if subject.utf8.count <= 12, let id = Int64(subject) { filter.id = id } else { filter.tradeNo = subject }
            let records = try await DatabaseVisit.run(configuration) { [filter] pool in
                try await SettlementRecords(pool: pool).list(filter)
            }
            guard !records.isEmpty else { throw CommandFailure("there is no settlement \(subject)", .noneMatched) }
            if output.json {
                StandardOutput.write(records.map(\.line.line).joined())
            } else {
                StandardOutput.write(try records.map { try SettlementCard($0).text }.joined(separator: "\n"))
            }
        }
    }
}

extension SettlementRecords.Record {
    /// The object that the feed serves, with the job that it came from and its place in the feed.
    fileprivate var line: JSONLine {
        var line = JSONLine()
        line.add("settlement", raw: String(decoding: json, as: UTF8.self))
        line.add("seq", seq)
        line.add("job_id", jobID)
        return line
    }
}
