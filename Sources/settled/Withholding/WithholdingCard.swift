import Postgres
import Settlement
import Wire

/// One withholding order for people: where it stands, each instalment, and what was seen when.
struct WithholdingCard {
    let text: String

    init(_ record: WithholdingRecord) {
        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        var facts = Table("WITHHOLDING \(record.bizOrderID)", "")
        let rows: [(String, String?)] = [
            ("business", record.payBizCode), ("status", record.payStatus ?? "unknown: no answer yet"),
            ("total", record.totalRaw.map { raw in "\(raw) as received" + Self.yuan(record.totalFen) }),
            ("asked", "\(record.polls) times" + (record.lastPolledAt.map { ", last \($0.local())" } ?? "")),
            ("next question", record.nextPollAt?.local() ?? "none"), ("ended", record.endedAt?.local()),
            ("job", "\(record.jobID) \(record.jobState ?? "pruned")"), ("cause", record.cause),
            ("message", record.message), ("added", "\(record.addedAt.local()) by \(record.addedBy)"),
        ]
        for (name, value) in rows { if let value { facts.add(name, value) } }
        var details = Table([
            .init("INSTALMENT"), .init("STATUS"), .init("AMOUNT", .right), .init("PAID"), .init("ALIPAY TRADE"),
            .init("ERROR"), .init("SETTLEMENT", .right),
        ])
        for detail in record.details { details.add(Self.cells(detail)) }
        var history = Table([
            .init("SEEN"), .init("INSTALMENT"), .init("STATUS"), .init("AMOUNT", .right), .init("ERROR"),
        ])
        for seen in record.history ?? [] {
            history.add(
                seen.at.local(), seen.detail.planID, seen.detail.payStatus, seen.detail.amountRaw, seen.detail.errCode)
        }
        var polls = Table([.init("ASKED"), .init("ANSWER"), .init("REQUEST")])
        for poll in (record.recentPolls ?? []).suffix(10) { polls.add(poll.at.local(), poll.verdict, poll.requestID) }
        text = [facts, details, history, polls].filter { !$0.isEmpty }.map { $0.text(style: style) }
            .joined(separator: "\n")
    }

    private static func cells(_ detail: WithholdingRecord.Detail) -> [String?] {
        [
            detail.planID, detail.payStatus, detail.amountFen.map { Amount(fen: $0).yuan } ?? detail.amountRaw,
            detail.payTime?.local(), detail.alipayTradeNo,
            [detail.errCode, detail.errMsg].compactMap { $0 }.joined(separator: " "),
            detail.settlementID.map { String($0) },
        ]
    }

    private static func yuan(_ fen: Int64?) -> String { fen.map { ", \(Amount(fen: $0).yuan) CNY" } ?? "" }
}
