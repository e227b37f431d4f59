import ArgumentParser
import Postgres
import Settlement
import Synchronization
import Telemetry

/// `settled feed`: follow what was settled, and check that the feed keeps its promises.
struct FeedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed", abstract: "Follow and verify the feed.", subcommands: [FeedTail.self, FeedVerify.self])
}

/// `settled feed verify`.
struct FeedVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check the whole feed: dense numbers, an unbroken chain, every settlement numbered.",
        discussion: "Ends with 6 when something is wrong.")

    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await DatabaseVisit.run(configuration) { [output] pool in
            let reader = FeedReader(pool: pool)
            let head = try await reader.head(of: "main")
            let bar = Mutex(ProgressBar("verifying", total: Int(head), write: output.progress))
            let report = try await FeedVerification(pool: pool).verify { seq in
                bar.withLock { $0.advance(to: Int(seq)) }
            }
            bar.withLock { $0.finish() }
            return report
        }
        if output.json {
            StandardOutput.write(Self.line(report).line)
        } else {
            var table = Table([.init("FEED"), .init("main", .right)])
            table.add("items", String(report.items))
            table.add("head", String(report.head))
            table.add("published", String(report.publishedHead))
            table.add("not numbered", String(report.unnumbered))
            table.add("last hash", report.lastHash)
            table.add("sound", report.isSound ? "yes" : "NO")
            table.print()
            for finding in report.findings { StandardOutput.line("finding: " + TerminalText.oneLine(finding)) }
        }
        if !report.isSound { throw ExitCode.findings }
    }

    private static func line(_ report: FeedVerification.Report) -> JSONLine {
        var line = JSONLine()
        line.add("feed_id", "main")
        line.add("items", report.items)
        line.add("head", report.head)
        line.add("published_head", report.publishedHead)
        line.add("unnumbered", report.unnumbered)
        line.add("overdue", report.overdue)
        line.add("last_hash", report.lastHash)
        line.add("sound", report.isSound)
        line.add("findings", strings: report.findings)
        return line
    }
}
