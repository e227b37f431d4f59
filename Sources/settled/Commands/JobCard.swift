import Alipay
import JobQueue
import Postgres
import Settlement
import Wire

/// One job for people: what it is, and a timeline of all that happened around it.
struct JobCard: Sendable {
    private let detail: JobDetail
    private let trace: JobTrace

    private let json: [UInt8]

    init(_ dossier: JobDossier) {
        detail = dossier.detail
        trace = dossier.trace
        json = dossier.json
    }

    func print(_ output: OutputOptions) {
        StandardOutput.write(output.json ? JSONLine(object: json).line : text)
    }

    private struct Moment {
        let at: Timestamp
        let what: String
        let text: String
    }

    var text: String {
        let job = detail.job
        var facts = Table("JOB \(job.id)", "")
        let rows: [(String, String?)] = [
            ("state", job.outcome.map { "\(job.state.rawValue): \($0)" } ?? job.state.rawValue),
            ("cause", job.cause), ("message", job.message), ("note", job.note), ("kind", job.kind),
            ("queue", job.queue), ("subject", job.subject), ("attempts", String(job.attempt)),
            ("crashes", job.crashes == 0 ? nil : String(job.crashes)), ("unique key", job.uniqueKey),
            ("arguments", job.args),
        ]
        for (name, value) in rows { if let value { facts.add(name, value) } }
        var timeline = Table("TIME", "WHAT", "")
        for moment in moments { timeline.add(moment.at.local(), moment.what, moment.text) }
        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        return facts.text(style: style) + "\n" + timeline.text(style: style)
    }

    private var moments: [Moment] {
        let job = detail.job
        var moments = trace.deliveries.map {
            Moment(at: $0.receivedAt, what: "notified", text: "\($0.result), notification \($0.id) from \($0.source)")
        }
        moments.append(Moment(at: job.createdAt, what: "queued", text: "in \(job.queue)"))
        moments += trace.answers.map { answer in
            let code = [answer.code, answer.subCode].compactMap { $0 }.joined(separator: " ")
            let proof = answer.isSigned ? "signed" : "unsigned"
            return Moment(
                at: answer.at, what: "answered", text: "\(answer.verdict) \(code.isEmpty ? "" : "(\(code)) ")\(proof)")
        }
        moments += detail.attempts.map { attempt in
            let failure = [attempt.cause, attempt.message].compactMap { $0 }.joined(separator: ": ")
            return Moment(
                at: attempt.endedAt, what: "attempt \(attempt.leaseEpoch)", text: "\(attempt.disposition) \(failure)")
        }
        moments += detail.events.map { event in
            let change = [event.from, event.to].compactMap { $0 }.joined(separator: " → ")
            return Moment(at: event.at, what: event.action, text: "\(change) by \(event.actor): \(event.reason)")
        }
        moments += trace.settlements.map { settlement in
            let number = settlement.seq.map { ", feed \($0)" } ?? ""
            let own = settlement.jobID == job.id ? "" : ", written by job \(settlement.jobID)"
            return Moment(
                at: settlement.confirmedAt, what: settlement.kind,
                text: "settlement \(settlement.id), \(Amount(fen: settlement.totalFen).yuan) CNY\(number)\(own)")
        }
        if let finished = job.finishedAt {
            moments.append(Moment(at: finished, what: job.state.rawValue, text: job.outcome ?? job.cause ?? ""))
        }
        // Stable: what happened in one transaction keeps the order in which it is listed here.
        return moments.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }
}
