import ArgumentParser
import Postgres
import Settlement
import Taobao
import Wire

/// `settled withholding`: orders whose money Taobao's platform withholds, followed until they end.
struct WithholdingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withholding", abstract: "Add, list and show withholding orders (代扣).",
        subcommands: [Add.self, List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List orders, the newest first; ends with 3 when none match.")

        @Option(
            name: .long,
            help: "INIT, PARTIAL_SUCCESSED, SUCCESSED, FAILED, or unknown for orders without an answer yet.")
        var status: String?
        @Option(name: .long, help: "The state of the job that asks, such as quarantined.")
        var jobState: String?
        @OptionGroup var page: PageOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var filter = WithholdingRecords.Filter()
            filter.payStatus = status
            filter.jobState = jobState
            filter.before = page.before
            filter.limit = Int64(page.limit)
            let (records, ban) = try await DatabaseVisit.run(configuration) { [filter] pool in
                let records = WithholdingRecords(pool: pool)
                return (try await records.list(filter), try await records.ban())
            }
            if let ban {
                output.note(
                    "TOP is not asked until \(ban.until.local()) (\(ban.cause)"
                        + (ban.isDailyQuota ? ", the quota for the day is used up)" : ")"))
            }
            let listing = Listing<WithholdingRecord>(
                columns: [
                    .init("ORDER"), .init("CODE"), .init("STATUS"), .init("TOTAL", .right), .init("PAID", .right),
                    .init("POLLS", .right), .init("NEXT POLL"), .init("JOB"), .init("CAUSE"),
                ],
                cells: { record in
                    [
                        record.bizOrderID, record.payBizCode, record.payStatus ?? "unknown",
                        record.totalFen.map { Amount(fen: $0).yuan } ?? record.totalRaw,
                        "\(record.details.count { $0.settlementID != nil })/\(record.details.count)",
                        String(record.polls), record.nextPollAt?.local(), record.jobState, record.cause,
                    ]
                },
                json: { JSONLine(object: $0.json) })
            try listing.print(
                records, "withholding orders", next: page.next(after: records.last?.id, count: records.count), output)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an order with its instalments, their history and its last questions.")

        @Argument(help: "The biz_order_id.")
        var id: String
        @Option(name: .long, help: "The pay_biz_code, where several orders have the id.")
        var payBizCode: String?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let records = try await DatabaseVisit.run(configuration) { [id, payBizCode] pool in
                try await WithholdingRecords(pool: pool).show(id, payBizCode: payBizCode)
            }
            guard !records.isEmpty else { throw CommandFailure("there is no withholding order \(id)", .noneMatched) }
            if output.json {
                StandardOutput.write(records.map { JSONLine(object: $0.json).line }.joined())
            } else {
                StandardOutput.write(records.map { WithholdingCard($0).text }.joined(separator: "\n"))
            }
        }
    }
}
