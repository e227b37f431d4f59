import ArgumentParser
import Postgres
import Settlement
import Wire

extension ExpectCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Expect a payment or a bill.",
            discussion: """
                A payment, by --trade-no or --query-token: when nobody has announced it in time, the gateway is asked. A bill, \
                by --bill-entry-id, --community-id and --due: no API answers for a bill alone, so it is listed as missing when \
                no settlement names it by the end of that day in China. Or many with --file: CSV with a header, or one JSON \
                object a line, with trade_no, query_token, app_id, seller_id, after_seconds, bill_entry_id, community_id, due, \
                amount. Adding one again changes nothing; one that was cancelled is expected again. A file with a mistake is \
                refused as a whole, with the line, the column and the reason of each.
                """)

        @Option(name: .long, help: "The trade number.")
        var tradeNo: String?
        @Option(name: .long, help: "The query_token, when there is no trade number.")
        var queryToken: String?
        @Option(name: .long, help: "The app that asks; needed when several are configured.")
        var app: String?
        @Option(name: .long, help: "The seller_id of the company that was paid; tells whose token asks.")
        var sellerID: String?
        @Option(
            name: .long, help: "How long its notification may take, such as 30m; expectations.grace when not given.")
        var after: String?
        @Option(name: .long, help: "The bill.")
        var billEntryID: String?
        @Option(name: .long, help: "The bill's community.")
        var communityID: String?
        @Option(name: .long, help: "The last day on which the bill is in time, such as 2026-12-31.")
        var due: String?
        @Option(name: .long, help: "What the bill comes to, in yuan; less is still missing.")
        var amount: String?
        @Option(name: .long, help: ArgumentHelp("Expectations in a file.", valueName: "file"), completion: .file())
        var file: String?
        @Option(name: .long, help: "The file's charset: utf-8 or gbk.")
        var charset = "utf-8"
        @Flag(name: .long, help: "Only say what would happen.")
        var dryRun = false
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard Charset(label: charset) != nil else { throw ValidationError("--charset takes utf-8 or gbk") }
            guard file == nil || given.isEmpty else {
                throw ValidationError("--file brings everything with it: leave the other options out")
            }
            guard file != nil || [tradeNo, queryToken, billEntryID].count(where: { $0 != nil }) == 1 else {
                throw ValidationError("name one of --trade-no, --query-token, --bill-entry-id and --file")
            }
            if let after, DurationText.parse(after) == nil {
                throw ValidationError("--after takes a duration such as 30s, 10m or 1h30m")
            }
        }

        func run() async throws {
            let settings = try configuration.load().settings
            let expectations = try expectations(ExpectationTerms(settings))
            let entries = try await DatabaseVisit.run(settings.database) { [dryRun] pool in
                try await ExpectationBook(pool: pool).add(
                    expectations, by: Operator.name(), isRehearsal: dryRun)
            }
            print(entries)
        }

        // MARK: Reading

        private var given: [ExpectationField: String] {
            let seconds = after.flatMap(DurationText.parse).map { String($0.wholeSeconds) }
            let fields: [(ExpectationField, String?)] = [
                (.tradeNo, tradeNo), (.queryToken, queryToken), (.appID, app), (.sellerID, sellerID),
                (.afterSeconds, seconds), (.billEntryID, billEntryID), (.communityID, communityID), (.due, due),
                (.amount, amount),
            ]
            return Dictionary(
                fields.compactMap { field, text in text.map { (field, $0) } }, uniquingKeysWith: { $1 })
        }

        private func expectations(_ terms: ExpectationTerms) throws -> [Expected] {
            if let file {
                return try ExpectationFile.expectations(
                    in: file, charset: Charset(label: charset) ?? .utf8, terms)
            }
            do throws(InvalidExpectation) {
                return [try Expected(given, terms)]
            } catch {
                throw CommandFailure("\(error.field.option): \(error.reason)", .usage)
            }
        }

        // MARK: Telling

        private func print(_ entries: [ExpectationBook.Entry]) {
            if output.json {
                StandardOutput.write(entries.map { JSONLine(object: $0.json).line }.joined())
            } else if file == nil, let entry = entries.first {
                StandardOutput.line("\(entry.result.rawValue) \(entry.id)")
                output.note("\(entry.state.rawValue); its time is up at \(entry.dueAt.local())")
            }
            let counts = ExpectationBook.Entry.Result.allCases.map { result in
                "\(entries.count { $0.result == result }) \(result.rawValue)"
            }
            output.note((dryRun ? "would be: " : "") + counts.joined(separator: ", "))
        }
    }
}

extension ExpectationField {
    /// The option that sets it.
    fileprivate var option: String {
        switch self {
        case .appID: "--app"
        case .afterSeconds: "--after"
        default: "--" + rawValue.replacing("_", with: "-")
        }
    }
}

extension Duration {
    /// Rounded up, so that nothing is due before it was said to be.
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
