import JobQueue
import Taobao
import Wire

/// What a bill means for its order: a decision without effects.
struct WithholdingVerdict: Sendable {
    /// A detail with its amount read in the configured unit.
    struct Instalment: Sendable, Hashable {
        let detail: AgreementPayBill.Detail
        let fen: Int64?
    }

    /// An instalment that is in the ledger already.
    struct Standing: Sendable, Hashable {
        let settlementID: Int64
        let fen: Int64
        let alipayTradeNo: String?
        let jobID: Int64
    }

    let instalments: [Instalment]
    let totalFen: Int64?
    /// The instalments that become settlements now.
    let settles: [Instalment]
    /// The order has ended, and its money agrees.
    let isEnd: Bool
    let disposition: Disposition

    /// - Parameters:
    ///   - standing: what is in the ledger of this order, by plan.
    ///   - age: since the first question, or since a person had it asked again.
    ///   - jitter: a random number in 0..<1.
    init(
        _ bill: AgreementPayBill, standing: [String: Standing], jobID: Int64, policy: WithholdingPolicy, age: Duration,
        jitter: Double
    ) {
        instalments = bill.details.map { Instalment(detail: $0, fen: $0.amount.flatMap(policy.unit.fen)) }
        totalFen = bill.totalAmount.flatMap(policy.unit.fen)
        let reading = Reading(bill: bill, instalments: instalments, totalFen: totalFen, standing: standing)
        if let objection = reading.objection(unit: policy.unit) {
            settles = []
            isEnd = false
            disposition = .quarantine(objection)
            return
        }
        settles = instalments.filter { $0.detail.isSuccessful && standing[$0.detail.planID] == nil }
        isEnd = bill.status.isFinal
        if isEnd {
            disposition = Self.end(bill, settled: settles.count, standing: standing.values, jobID: jobID)
        } else if age > policy.giveUpAfter {
            disposition = .quarantine(Self.gaveUp("\(bill.status)", policy))
        } else {
            disposition = .snooze(
                after: policy.schedule.wait(at: age, jitter: jitter),
                reason: "the order is \(bill.status)")
        }
    }

    static func gaveUp(_ state: String, _ policy: WithholdingPolicy) -> JobFailure {
        JobFailure(
            cause: "gave_up",
            message:
                "the order was asked about for longer than \(policy.giveUpAfter / .seconds(86_400)) days and is \(state); "
                + "a replay asks for as long again")
    }

    private static func end(
        _ bill: AgreementPayBill, settled: Int, standing: some Collection<Standing>, jobID: Int64
    ) -> Disposition {
        let paid = settled + standing.count
        let note = "the order is \(bill.status); \(paid) of \(bill.details.count) instalments were paid"
        if paid == 0 { return .done(outcome: Outcome.nothingDue.rawValue, note: note) }
        let isOurs = settled > 0 || standing.contains { $0.jobID == jobID }
        return .done(outcome: (isOurs ? Outcome.settled : .alreadySettled).rawValue, note: note)
    }
}

/// Looks for what speaks against a bill. The first objection counts, and then nothing of the bill is settled.
private struct Reading {
    let bill: AgreementPayBill
    let instalments: [WithholdingVerdict.Instalment]
    let totalFen: Int64?
    let standing: [String: WithholdingVerdict.Standing]

    func objection(unit: AmountUnit) -> JobFailure? {
        amountObjection(unit) ?? conflict() ?? sumObjection() ?? endObjection()
    }

    private func amountObjection(_ unit: AmountUnit) -> JobFailure? {
        func unreadable(_ what: String, _ text: String) -> JobFailure {
            JobFailure(
                cause: "bad_amount",
                message: "\(what) is \"\(text)\", which is no amount in \(unit.rawValue); "
                    + "is withholding.amount_unit right?")
        }
        if let text = bill.totalAmount, totalFen == nil { return unreadable("total_amount", text) }
        for instalment in instalments {
            let detail = instalment.detail
            if let text = detail.amount, instalment.fen == nil {
                return unreadable("the amount of \(detail.planID)", text)
            }
            if detail.isSuccessful, (instalment.fen ?? 0) <= 0 {
                return JobFailure(
                    cause: "invalid_amount", message: "\(detail.planID) is SUCCESSED without an amount above zero")
            }
        }
        return nil
    }

    /// What is settled must still be so: the same amount, the same trade, and paid.
    private func conflict() -> JobFailure? {
        for instalment in instalments {
            let detail = instalment.detail
            guard let stands = standing[detail.planID] else { continue }
            let difference: String?
            if instalment.fen != stands.fen {
                difference = "amount \(detail.amount ?? "(none)")"
            } else if !detail.isSuccessful {
                difference = "status \(detail.status)"
            } else if let trade = detail.alipayTradeNo, let before = stands.alipayTradeNo, trade != before {
                difference = "alipay_trade_no \(trade)"
            } else {
                difference = nil
            }
            guard let difference else { continue }
            return JobFailure(
                cause: "settlement_conflict",
                message: "settlement \(stands.settlementID) of \(detail.planID) stands, and the answer says another "
                    + "\(difference); it was left as it is")
        }
        return nil
    }

    /// More was paid than there is to pay, at whatever point.
    private func sumObjection() -> JobFailure? {
        guard let totalFen else { return nil }
        let paid = instalments.filter(\.detail.isSuccessful).reduce(into: Int64(0)) { $0 &+= $1.fen ?? 0 }
        return paid > totalFen ? mismatch("the instalments that were paid add up to \(Amount(fen: paid))") : nil
    }

    /// At the end all instalments together are the total, and an order that succeeded has none that did not.
    private func endObjection() -> JobFailure? {
        guard bill.status.isFinal else { return nil }
        let missing = standing.keys.filter { plan in !instalments.contains { $0.detail.planID == plan } }.sorted()
        if let plan = missing.first { return mismatch("\(plan) is settled and is not in the answer") }
        if bill.status == .succeeded, instalments.isEmpty { return mismatch("there are no instalments") }
        if bill.status == .succeeded, let other = instalments.first(where: { !$0.detail.isSuccessful })?.detail {
            return mismatch("\(other.planID) is \(other.status.isEmpty ? "without a status" : other.status)")
        }
        let sum = instalments.reduce(into: Int64(0)) { $0 &+= $1.fen ?? 0 }
        if instalments.contains(where: { $0.fen == nil }) { return mismatch("an instalment has no amount") }
        if totalFen == nil, instalments.isEmpty { return nil }
        return sum == totalFen ? nil : mismatch("the instalments add up to \(Amount(fen: sum))")
    }

    private func mismatch(_ what: String) -> JobFailure {
        JobFailure(
            cause: "details_mismatch",
            message: "the order is \(bill.status), its total is \(totalFen.map { Amount(fen: $0).yuan } ?? "missing"), "
                + "and \(what)")
    }
}
