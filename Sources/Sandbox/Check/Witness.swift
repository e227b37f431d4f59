import Wire

/// Compares what the platform knows and what the sender saw with what the receiver says of itself. Values in, findings out:
/// no database and no network, so nothing that it checks can help it to a better answer.
public struct Witness: Sendable {
    public var truth: Truth
    public var journal: [DeliveryJournal.Entry]
    /// How each trade must end; a trade without an expectation must be settled once if it was paid and acknowledged.
    public var expectations: [String: TradeExpectation]

    public init(
        truth: Truth, journal: [DeliveryJournal.Entry], expectations: [String: TradeExpectation] = [:]
    ) {
        self.truth = truth
        self.journal = journal
        self.expectations = expectations
    }

    public struct Verdict: Sendable {
        public var findings: [Finding]
        /// Trades that had to be settled, and how many of them are, exactly once and to the fen.
        public var due: Int
        public var settledOnce: Int

        /// True when every valid trade was settled exactly once and nothing else was found.
        public var holds: Bool { findings.isEmpty && due == settledOnce }
    }

    public func examine(_ account: ReceiverAccount) -> Verdict {
        let evidence = Evidence(truth: truth, journal: journal, account: account)
        var findings = wrongAcknowledgements() + lostAcknowledgements(evidence) + limbo(account)
        findings += doubles(evidence) + inventions(account)
        findings += trades(evidence)
        let due = truth.trades.values.filter { mustBeSettled($0, evidence) }
        let once = due.filter { trade in
            let payments = evidence.settlements(of: trade.tradeNo, .payment)
            return payments.count == 1 && payments.allSatisfy { difference($0, trade) == nil }
        }
        return Verdict(
            findings: findings.sorted { ($0.invariant.rawValue, $0.subject) < ($1.invariant.rawValue, $1.subject) },
            due: due.count, settledOnce: once.count)
    }

    // MARK: - Acknowledgements

    private func wrongAcknowledgements() -> [Finding] {
        journal.filter { $0.isAcknowledged && !$0.isGenuine }.map { entry in
            Finding(
                .noWrongAcknowledgement, "delivery \(entry.delivery)",
                "was acknowledged though it is forged (\(entry.forgery?.rawValue ?? "unknown"))")
        }
    }

    private func lostAcknowledgements(_ evidence: Evidence) -> [Finding] {
        evidence.acknowledgedNames.subtracting(evidence.jobNames).map { name in
            Finding(.noLostAcknowledgement, name.description, "was acknowledged but the receiver has no job for it")
        }
    }

    private static let endings: Set<String> = [
        "settled", "already_settled", "nothing_due", "failed", "quarantined", "cancelled",
    ]

    private func limbo(_ account: ReceiverAccount) -> [Finding] {
        account.jobs.filter { !Self.endings.contains($0.outcome) }.map { job in
            Finding(
                .noLimbo, job.tradeNo ?? job.queryToken ?? "a job without names",
                "has no final outcome (it is '\(job.outcome)')")
        }
    }

    // MARK: - Settlements

    private func doubles(_ evidence: Evidence) -> [Finding] {
        evidence.settlements.values.flatMap { settlements -> [Finding] in
            guard let first = settlements.first else { return [] }
            var findings: [Finding] = []
            for kind in [SettledTrade.Kind.payment, .reversal] {
                let count = settlements.count { $0.kind == kind }
                if count > 1 {
                    findings.append(
                        Finding(.noDouble, first.tradeNo, "has \(count) settlements of kind \(kind.rawValue)"))
                }
            }
            return findings
        }
    }

    private func inventions(_ account: ReceiverAccount) -> [Finding] {
        account.settlements.compactMap { settlement in
            guard let trade = truth.trade(settlement.tradeNo) else {
                return Finding(.nothingInvented, settlement.tradeNo, "was settled but no such trade exists")
            }
            switch settlement.kind {
            case .payment:
                guard trade.wasPaid else {
                    return Finding(
                        .nothingInvented, trade.tradeNo, "was settled but never paid (\(trade.status.rawValue))")
                }
            case .reversal:
                guard trade.wasPaid, trade.status == .closed else {
                    return Finding(
                        .nothingInvented, trade.tradeNo, "was reversed though its status is \(trade.status.rawValue)")
                }
            }
            return difference(settlement, trade).map { Finding(.nothingInvented, trade.tradeNo, $0) }
        }
    }

    /// What of the settlement differs from the trade; nil when nothing does. A reversal has every amount negative.
    private func difference(_ settlement: SettledTrade, _ trade: Trade) -> String? {
        let sign: Int64 = settlement.kind == .reversal ? -1 : 1
        if settlement.totalFen != sign * trade.totalFen {
            return "was settled with \(yuan(settlement.totalFen)), paid were \(yuan(sign * trade.totalFen))"
        }
        if settlement.sellerID != trade.sellerID {
            return "was settled for seller \(settlement.sellerID), paid was \(trade.sellerID)"
        }
        if let paidAt = settlement.paidAt, settlement.kind == .payment, paidAt != trade.paidAt {
            return "was settled with the time of payment \(paidAt), it was \(trade.paidAt)"
        }
        let bills = trade.bills.map { bill in
            Trade.Bill(id: bill.id, period: bill.period, costType: bill.costType, fen: sign * bill.fen)
        }
        if !sameLines(settlement.bills, bills) { return "was settled with other bills than were paid" }
        let funds = trade.funds.map { Trade.Fund(channel: $0.channel, fen: sign * $0.fen) }
        if !sameLines(settlement.funds, funds) { return "was settled with other funds than were paid" }
        return nil
    }

    /// Equal as multisets: the order of lines means nothing, how often one stands there does.
    private func sameLines<Line: Hashable>(_ left: [Line], _ right: [Line]) -> Bool {
        Dictionary(left.map { ($0, 1) }, uniquingKeysWith: +) == Dictionary(right.map { ($0, 1) }, uniquingKeysWith: +)
    }

    // MARK: - Trades

    private func mustBeSettled(_ trade: Trade, _ evidence: Evidence) -> Bool {
        guard trade.wasPaid, evidence.wasAcknowledged(trade) else { return false }
        return expectations[trade.tradeNo]?.isSettled ?? true
    }

    private func trades(_ evidence: Evidence) -> [Finding] {
        truth.trades.values.flatMap { trade -> [Finding] in
            let tradeNo = trade.tradeNo
            let settled = !evidence.settlements(of: tradeNo, .payment).isEmpty
            if mustBeSettled(trade, evidence), !settled {
                return [
                    Finding(.complete, tradeNo, "was paid and its notification acknowledged, but it is not settled")
                ]
            }
            switch expectations[tradeNo] {
            case nil: return []
            case .settled(let quarantined): return quarantine(trade, quarantined, evidence)
            case .nothingDue:
                return unsettled(trade, settled) + ending(trade, "nothing_due", causes: [], evidence)
            case .quarantined(let causes):
                return unsettled(trade, settled) + ending(trade, "quarantined", causes: causes, evidence)
            case .untouched:
                let asked = truth.timesAsked(tradeNo)
                return unsettled(trade, settled)
                    + (asked == 0
                        ? []
                        : [
                            Finding(
                                .asExpected, tradeNo,
                                "was asked about \(asked) times, but no genuine notification names it")
                        ])
            }
        }
    }

    private func unsettled(_ trade: Trade, _ settled: Bool) -> [Finding] {
        settled ? [Finding(.asExpected, trade.tradeNo, "was settled but must not be")] : []
    }

    private func quarantine(_ trade: Trade, _ expected: Int, _ evidence: Evidence) -> [Finding] {
        guard evidence.wasAcknowledged(trade) else { return [] }
        let count = evidence.jobs(of: trade).count { $0.outcome == "quarantined" }
        // Duplicates of a conflicting notification may or may not make a job of their own; none at all is a silent loss.
        guard expected > 0 ? count == 0 : count > 0 else { return [] }
        return [
            Finding(
                .asExpected, trade.tradeNo,
                expected > 0
                    ? "has a second notification with another amount, but nothing is in quarantine"
                    : "is in quarantine though nothing is wrong with it"
                        + " (\(evidence.jobs(of: trade).compactMap(\.cause).joined(separator: ", ")))")
        ]
    }

    private func ending(_ trade: Trade, _ outcome: String, causes: Set<String>, _ evidence: Evidence) -> [Finding] {
        guard evidence.wasAcknowledged(trade) else { return [] }
        return evidence.jobs(of: trade).compactMap { job in
            if job.outcome != outcome {
                return Finding(
                    .asExpected, trade.tradeNo,
                    "ended as '\(job.outcome)'\(job.cause.map { " (\($0))" } ?? ""), expected was '\(outcome)'")
            }
            if !causes.isEmpty, !causes.contains(job.cause ?? "") {
                return Finding(
                    .asExpected, trade.tradeNo,
                    "is in quarantine for '\(job.cause ?? "")', expected was '\(causes.sorted().joined(separator: "' or '"))'"
                )
            }
            return nil
        }
    }
}
