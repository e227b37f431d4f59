import ArgumentParser
import Postgres
import Settlement

extension AgreementsCommand {
    struct Report: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What the latest check of each agreement found, and what to do next.",
            discussion: """
                Without --outcome: everything that is not equal. Ends with 6 when one side differs or is missing, 3 when \
                nothing matches.
                """)

        @Option(
            name: .long, parsing: .upToNextOption,
            help: "equal, differs, missing_at_alipay, undecided; all with `all`.")
        var outcome: [String] = []
        @Flag(name: .long, help: "Print CSV.")
        var csv = false
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            for word in outcome where word != "all" && AgreementOutcome(rawValue: word) == nil {
                throw ValidationError(
                    "--outcome takes all, \(AgreementOutcome.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }

        func run() async throws {
            let (settings, agreements) = try AgreementsCommand.settings(configuration)
            let findings = try await DatabaseVisit.run(settings.database) { pool in
                let report = AgreementReport(appID: agreements.appID, pool: pool)
                var filter = AgreementReport.Filter()
                filter.outcomes = outcomes
                var (listed, findings) = (0, 0)
                // Page by page: a report of a million agreements is written with the memory of a thousand.
                while true {
                    let entries = try await report.list(filter)
                    write(entries, isFirst: listed == 0)
                    listed += entries.count
                    findings += entries.count { $0.outcome == .differs || $0.outcome == .missingAtAlipay }
                    guard let last = entries.last, entries.count == filter.limit else { break }
                    filter.after = last.id
                }
                if listed == 0 {
                    output.note("no agreements match")
                    throw ExitCode.noneMatched
                }
                return findings
            }
            if findings > 0 { throw ExitCode.findings }
        }

        private var outcomes: Set<AgreementOutcome>? {
            if outcome.contains("all") { return nil }
            let named = outcome.compactMap(AgreementOutcome.init)
            return named.isEmpty ? [.differs, .missingAtAlipay, .undecided] : Set(named)
        }

        private func write(_ entries: [AgreementReport.Entry], isFirst: Bool) {
            guard !entries.isEmpty else { return }
            if output.json {
                StandardOutput.write(entries.map { JSONLine(object: $0.json).line }.joined())
            } else if csv {
                if isFirst {
                    StandardOutput.line(
                        "user_id,agreement_id,bill_key,out_agreement_id,outcome,differences,cause,checked_at,next_action"
                    )
                }
                for entry in entries {
                    StandardOutput.line(
                        [
                            entry.record.userID, entry.record.agreementID ?? "", entry.record.billKey ?? "",
                            entry.record.outAgreementID ?? "", entry.outcome?.rawValue ?? "",
                            entry.fields.joined(separator: " "), entry.cause ?? "", entry.checkedAt?.rfc3339 ?? "",
                            entry.nextAction,
                        ].map(Self.csvField).joined(separator: ","))
                }
            } else {
                var table = Table("AGREEMENT", "USER", "HOUSEHOLD", "OUTCOME", "DIFFERS IN", "CAUSE", "CHECKED", "NEXT")
                for entry in entries {
                    table.add(
                        entry.record.agreementID, Mask.account(entry.record.userID), entry.record.billKey,
                        entry.outcome?.rawValue ?? "not checked", entry.fields.joined(separator: ", "), entry.cause,
                        entry.checkedAt?.local(), entry.nextAction)
                }
                table.print()
            }
        }

        /// Quoted where needed; what a spreadsheet would take for a formula begins with an apostrophe.
        private static func csvField(_ text: String) -> String {
            let safe = text.first.map { "=+-@\t\r".contains($0) } ?? false ? "'" + text : text
            guard safe.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return safe }
            return "\"" + safe.replacing("\"", with: "\"\"") + "\""
        }
    }
}
