import ArgumentParser
import Telemetry
import Wire

/// `settled keys`: which file is which key, and whether they fit together.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Check keys and certificates.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which file is which key, whose it is, and whether all fit together (验签失败).",
            discussion: """
                Finds the usual causes of failing signatures: our own public key in the place of Alipay's, the halves of two \
                pairs, a certificate of another key, another environment's certificates, expired ones. Nothing is sent anywhere, \
                and no secret is printed. Ends with 0 when all fit, 6 with findings, 78 when something cannot be read.
                """)

        @Option(name: .long, help: "Only this app.")
        var app: String?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let loaded = try configuration.load()
            for warning in loaded.warnings { output.note("warning: " + TerminalText.oneLine(warning)) }
            let now = SystemClock.microseconds() / 1_000_000
            let reports = loaded.settings.apps.enumerated().filter { app == nil || $0.element.id == app }
                .map { KeyReport($0.element, path: "apps[\($0.offset)]", now: now) }
            guard !reports.isEmpty else {
                let ids = loaded.settings.apps.map(\.id).joined(separator: ", ")
                throw CommandFailure(
                    app.map { "no app \($0) is configured; there are: \(ids)" } ?? "no app is configured", .noneMatched)
            }
            StandardOutput.write(output.json ? Self.lines(reports) : Self.text(reports))
            let findings = reports.flatMap(\.findings)
            if findings.contains(where: { $0.severity == .unreadable }) { throw ExitCode.configuration }
            if !findings.isEmpty { throw ExitCode.findings }
            output.note("all keys fit together")
        }

        private static func lines(_ reports: [KeyReport]) -> String {
            reports.map { report in
                report.entries.map { $0.line(appID: report.appID).line }.joined()
                    + report.findings.map { $0.line(appID: report.appID).line }.joined()
            }.joined()
        }

        private static func text(_ reports: [KeyReport]) -> String {
            reports.map { report in
                var table = Table("SETTING", "WHOSE", "WHAT", "WHICH", "EXPIRES", "FILE")
                for entry in report.entries {
                    table.add(
                        entry.setting, owner(entry.owner), entry.what, entry.identity,
                        entry.expires.map { String(ShanghaiTime.format(unixSeconds: $0).prefix(10)) } ?? "-",
                        entry.file ?? "(in the configuration)")
                }
                let findings = report.findings.map { finding in
                    "\(finding.severity.rawValue): \(finding.setting): \(TerminalText.oneLine(finding.sentence))\n"
                }
                return "app \(report.appID)\n" + table.text() + findings.joined() + "\n"
            }.joined()
        }

        private static func owner(_ owner: KeyReport.Owner) -> String {
            switch owner {
            case .app: "ours"
            case .alipay: "Alipay's"
            case .both: "shared"
            }
        }
    }
}
