import Alipay
import Foundation
import Sandbox
import Settlement
import Wire

/// What the demo ends with: what was sent, what became of it, and whether every promise was kept.
struct DemoReport: Sendable {
    private let rows: [(String, String)]
    private let settlements: [SettledTrade]
    private let findings: [String]
    let holds: Bool

    init(
        _ scenario: Scenario, _ stage: DemoStage, _ journal: DeliveryJournal, sending: Duration, whole: Duration
    ) async throws {
        let ledger = DemoLedger(pool: stage.pool)
        let account = try await ledger.account()
        let verdict = Witness(truth: stage.gateway.truth, journal: journal.entries, expectations: scenario.expectations)
            .examine(account)
        let chain = try await FeedVerification(pool: stage.pool).verify()
        let tally = journal.tally
        var rows: [(String, String)] = [
            ("sent", "\(scenario.deliveries.count) notifications, \(tally.requests) requests in \(sending.seconds)"),
            ("acknowledged", "\(tally.acknowledged)"),
        ]
        for (result, times) in try await ledger.deliveries() { rows.append(("  \(result)", "\(times)")) }
        let rejected = try await ledger.rejected()
        rows.append(("rejected", "\(rejected.reduce(0) { $0 + $1.times })"))
        for (cause, times) in rejected { rows.append(("  \(cause)", "\(times)")) }
        rows.append(("given up by the sender", "\(tally.givenUp)"))
        rows.append(("gateway questions", "\(stage.gateway.truth.totalQuestions)"))
        for (outcome, jobs) in Dictionary(grouping: account.jobs, by: \.outcome).sorted(by: { $0.key < $1.key }) {
            rows.append((outcome, "\(jobs.count)"))
            for (cause, some) in Dictionary(grouping: jobs.filter { $0.cause != nil }, by: { $0.cause ?? "" })
                .sorted(by: { $0.key < $1.key }) where outcome == "quarantined" || outcome == "failed"
            {
                rows.append(("  \(cause)", "\(some.count)"))
            }
        }
        if !account.jobs.contains(where: { $0.outcome == "failed" }) { rows.append(("failed", "0")) }
        rows.append(("feed head", "\(chain.publishedHead), chain \(chain.isSound ? "verified" : "BROKEN")"))
        rows.append(("whole line", "\(whole.seconds)"))
        let isWhole = chain.isSound && chain.unnumbered == 0 && chain.publishedHead == chain.head
        holds = verdict.holds && isWhole && tally.givenUp == 0
        rows.append(
            (
                "every valid trade settled exactly once",
                (holds ? "yes" : "NO") + " (\(verdict.settledOnce) of \(verdict.due))"
            ))
        self.rows = rows
        findings = verdict.findings.map(\.description) + chain.findings
        settlements = Array(account.settlements.suffix(5))
    }

    var table: String {
        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        var last = Table([
            .init("TRADE"), .init("KIND"), .init("TOTAL", .right), .init("BILLS", .right), .init("SELLER"),
        ])
        for settlement in settlements {
            last.add(
                settlement.tradeNo, settlement.kind.rawValue, Amount(fen: settlement.totalFen).yuan,
                String(settlement.bills.count), settlement.sellerID)
        }
        var result = Table([.init("RESULT"), .init("")])
        for (name, value) in rows { result.add(name, value) }
        let found = findings.prefix(20).map { "finding: \($0)\n" }.joined()
        return "the last settlements\n" + last.text(style: style) + "\n" + result.text(style: style) + found
    }

    var json: String {
        let values = rows.map { "\(Self.quoted($0.0.trimmingCharacters(in: .whitespaces))):\(Self.quoted($0.1))" }
        let found = findings.map(Self.quoted).joined(separator: ",")
        return "{\(values.joined(separator: ",")),\"findings\":[\(found)],\"holds\":\(holds)}\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

extension Duration {
    fileprivate var seconds: String { formatted(.units(allowed: [.seconds], fractionalPart: .show(length: 1))) }
}
