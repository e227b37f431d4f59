import ArgumentParser
import Settlement

/// `settled agreements`: withholding agreements (代扣协议), compared with Alipay's.
struct AgreementsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agreements",
        abstract: "Import withholding agreements (代扣协议), compare them with Alipay's, report what differs.",
        subcommands: [Import.self, Check.self, Report.self, Show.self])

    /// The section, or a sentence about its absence.
    static func settings(_ configuration: ConfigurationOption) throws -> (Settings, AgreementSettings) {
        let settings = try configuration.load().settings
        guard let agreements = settings.agreements else {
            throw CommandFailure("agreements are not configured: add the section `agreements`", .configuration)
        }
        return (settings, agreements)
    }
}

extension AgreementsCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show agreements by their number, user or household, with what each run found.")

        @Argument(help: "An agreement_id, a user_id or a bill_key.")
        var subject: String
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (settings, agreements) = try AgreementsCommand.settings(configuration)
            let found = try await DatabaseVisit.run(settings.database) { [subject] pool in
                let report = AgreementReport(appID: agreements.appID, pool: pool)
                var entries: [AgreementReport.Entry] = []
                for (index, field) in [\AgreementReport.Filter.agreementID, \.userID, \.billKey].enumerated() {
                    var filter = AgreementReport.Filter()
                    filter.limit = 100
                    filter[keyPath: field] = subject
                    entries = try await report.list(filter)
                    if !entries.isEmpty || index == 2 { break }
                }
                var found: [(AgreementReport.Entry, [AgreementReport.HistoryEntry])] = []
                for entry in entries { found.append((entry, try await report.history(of: entry.id))) }
                return found
            }
            guard !found.isEmpty else { throw CommandFailure("there is no agreement \(subject)", .noneMatched) }
            for (entry, history) in found {
                if output.json {
                    var line = JSONLine(object: entry.json)
                    line.add("history", history.map(Self.json))
                    StandardOutput.write(line.line)
                } else {
                    StandardOutput.write(Self.card(entry, history))
                }
            }
        }

        private static func json(_ check: AgreementReport.HistoryEntry) -> JSONLine {
            var line = JSONLine()
            line.add("run", check.runID)
            line.add("checked_at", check.checkedAt)
            line.add("outcome", check.outcome.rawValue)
            line.add("cause", check.cause)
            line.add("differences", raw: check.differences)
            return line
        }

        private static func card(
            _ entry: AgreementReport.Entry, _ history: [AgreementReport.HistoryEntry]
        ) -> String {
            let record = entry.record
            var facts = Table("AGREEMENT", record.agreementID ?? "(without a number)")
            facts.add("user_id", Mask.account(record.userID))
            for (name, value) in zip(AgreementRecord.columns, record.values).dropFirst(2) {
                if let value { facts.add(name, value) }
            }
            facts.add("outcome", entry.outcome?.rawValue ?? "not checked yet")
            if let cause = entry.cause { facts.add("cause", cause) }
            facts.add("next", entry.nextAction)
            var checks = Table("RUN", "CHECKED", "OUTCOME", "CAUSE", "DIFFERENCES")
            for check in history {
                checks.add(
                    String(check.runID), check.checkedAt.local(), check.outcome.rawValue, check.cause,
                    check.differences == "[]" ? nil : check.differences)
            }
            return facts.text() + (checks.isEmpty ? "" : checks.text()) + "\n"
        }
    }
}
