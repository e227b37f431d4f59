import Foundation
import Sandbox

/// What the breaker drill showed, promise by promise.
struct BreakerDrillReport: Sendable {
    let jobs: Int
    let rate: Int
    let concurrency: Int
    let away: Duration
    let took: Duration
    let held: Int
    let probes: Int
    let callsWithoutAnswer: Int
    let end: BreakerDrillLedger.Standing
    let questions: Questions

    /// What the gateway was asked after it came back.
    struct Questions: Sendable, Hashable {
        var count: Int
        /// The most that came within any one second.
        var busiestSecond: Int
        /// How many places before or after its turn the most displaced job was asked about.
        var displacement: Int
        /// Questions about jobs that had been answered before, or twice.
        var repeated: Int

        /// - Parameters:
        ///   - order: the trades, oldest job first.
        ///   - after: how many questions, of all trades together, came before.
        init(_ truth: Truth, order: [String], after earlier: Int) {
            let all = truth.questions.flatMap { trade, questions in questions.map { (trade: trade, at: $0.askedAt) } }
                .sorted { $0.at < $1.at }
            self.init(
                order: order, before: all.prefix(earlier).map(\.trade),
                asked: all.dropFirst(earlier).map { ($0.trade, $0.at) })
        }

        /// - Parameters:
        ///   - before: trades that were asked about before the gateway went.
        ///   - asked: trades with the time of the question, in microseconds and in the order of time.
        init(order: [String], before: [String], asked: [(trade: String, at: Int64)]) {
            count = asked.count
            busiestSecond = 0
            var first = 0
            for last in asked.indices {
                while asked[last].at - asked[first].at >= 1_000_000 { first += 1 }
                busiestSecond = max(busiestSecond, last - first + 1)
            }
            let settled = Set(before)
            let turns = Dictionary(
                order.filter { !settled.contains($0) }.enumerated().map { ($0.element, $0.offset) },
                uniquingKeysWith: { first, _ in first })
            displacement = 0
            repeated = 0
            var seen: Set<String> = []
            for (trade, _) in asked {
                guard let turn = turns[trade], seen.insert(trade).inserted else {
                    repeated += 1
                    continue
                }
                displacement = max(displacement, abs(turn - (seen.count - 1)))
            }
        }
    }

    struct Promise: Sendable, Hashable {
        let sentence: String
        let found: String
        let isKept: Bool
    }

    var promises: [Promise] {
        let most = Int((Double(rate) * 1.1).rounded(.down))
        // What was under way when it went, what was admitted before ten of them had failed, and one call a probe.
        let mostLost = 2 * concurrency + probes
        return [
            Promise(
                sentence: "attempts spent on the outage: none", found: "\(end.attempts)", isKept: end.attempts == 0),
            Promise(
                sentence: "calls of a gateway that is gone: at most \(mostLost)", found: "\(callsWithoutAnswer)",
                isKept: callsWithoutAnswer <= mostLost),
            Promise(
                sentence: "calls in any second after it came back: at most \(most)",
                found: "\(questions.busiestSecond)", isKept: questions.busiestSecond <= most),
            Promise(
                sentence: "oldest first: no job more than \(2 * concurrency) places from its turn",
                found: "\(questions.displacement)", isKept: questions.displacement <= 2 * concurrency),
            Promise(
                sentence: "every job settled, each trade once", found: "\(end.settled) of \(jobs)",
                isKept: end.settled == jobs && end.done == jobs && end.isQuiet),
        ]
    }

    var holds: Bool { promises.allSatisfy(\.isKept) }

    var table: String {
        var facts = Table("THE DRILL", "")
        facts.add("jobs waiting", "\(jobs)")
        facts.add("gateway away", away.tenths)
        facts.add("jobs held then", "\(held), \(probes) probes")
        facts.add("all settled after", "\(took.tenths), \(questions.count) calls, limit \(rate) a second")
        var kept = Table("PROMISE", "FOUND", "KEPT")
        for promise in promises { kept.add(promise.sentence, promise.found, promise.isKept ? "yes" : "NO") }
        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        return facts.text(style: style) + "\n" + kept.text(style: style)
    }

    var json: String {
        var line = JSONLine()
        line.add("jobs", jobs)
        line.add("rate_per_second", rate)
        line.add("away_ms", Int(away / .milliseconds(1)))
        line.add("held", held)
        line.add("probes", probes)
        line.add("settled", end.settled)
        line.add("took_ms", Int(took / .milliseconds(1)))
        line.add("attempts", end.attempts)
        line.add("calls_without_answer", callsWithoutAnswer)
        line.add("calls", questions.count)
        line.add("repeated_calls", questions.repeated)
        line.add("busiest_second", questions.busiestSecond)
        line.add("displacement", questions.displacement)
        line.add("holds", holds)
        return line.line
    }
}

extension Duration {
    fileprivate var tenths: String { formatted(.units(allowed: [.seconds], fractionalPart: .show(length: 1))) }
}
