import Postgres
import Settlement
import Wire

/// One expectation for people: what is expected, until when, what was done, what the ledger has.
struct ExpectationCard {
    let text: String

    init(_ record: ExpectationRecord) {
        var facts = Table("EXPECTATION \(record.id)", "")
        let asked = record.asked
        let rows: [(String, String?)] = [
            (record.kind.rawValue, record.subject), ("state", record.state.rawValue),
            ("community", record.communityID), ("app", record.appID), ("seller", record.sellerID),
            ("last day", record.dueOn), ("time is up", record.dueAt.local()),
            ("missing for", record.state == .missing ? record.age : nil),
            ("amount", record.amountFen.map { "\(Amount(fen: $0).yuan) CNY" }), ("done", record.done),
            ("asked", asked?.at.local()),
            ("job", asked.map { "\($0.jobID) \($0.jobState ?? "pruned")" }), ("cause", asked?.cause),
            ("message", asked?.message),
            ("settled", record.settled.map { "\(Amount(fen: $0.fen).yuan) CNY, \($0.at.local())" }),
            ("added", "\(record.addedAt.local()) by \(record.addedBy)"),
            ("cancelled", record.cancelled.map { "\($0.at.local()) by \($0.by): \($0.reason)" }),
        ]
        for (name, value) in rows { if let value { facts.add(name, value) } }
        text = facts.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal))
    }
}
