import Alipay
import Wire

/// A payment that a signed answer proved and that nothing speaks against: what the ledger writes.
///
/// Only ``Confirmation`` makes one, so a settlement cannot be written from a notification's word.
public struct SettlementDraft: Sendable {
    let job: PayResultJob
    let result: PayResult
    /// The seller that the answer names.
    let sellerID: String
    let evidence: GatewayEvidence

    init(job: PayResultJob, result: PayResult, sellerID: String, evidence: GatewayEvidence) {
        self.job = job
        self.result = result
        self.sellerID = sellerID
        self.evidence = evidence
    }

    /// Every field that says how much money moved, for what and to whom, in an order that does not depend on the answer's.
    var money: Money {
        Money(
            totalFen: result.totalAmount.fen, sellerID: sellerID,
            bills: result.bills.map {
                Money.Line(id: $0.id, period: $0.period ?? "", kind: $0.costType ?? "", amountFen: $0.amount.fen)
            },
            funds: result.funds.map { Money.Line(id: $0.channel, period: "", kind: "", amountFen: $0.amount.fen) })
    }
}

/// The money fields of a settlement, comparable with those of another answer about the same trade.
struct Money: Sendable, Hashable {
    struct Line: Sendable, Hashable, Comparable {
        let id: String
        let period: String
        let kind: String
        let amountFen: Int64

        static func < (a: Line, b: Line) -> Bool {
            (a.id, a.period, a.kind, a.amountFen) < (b.id, b.period, b.kind, b.amountFen)
        }
    }

    let totalFen: Int64
    let sellerID: String
    let bills: [Line]
    let funds: [Line]

    init(totalFen: Int64, sellerID: String, bills: [Line], funds: [Line]) {
        self.totalFen = totalFen
        self.sellerID = sellerID
        self.bills = bills.sorted()
        self.funds = funds.sorted()
    }

    /// The first field in which `other` differs, by name; nil when all are equal.
    func difference(to other: Money) -> String? {
        if totalFen != other.totalFen { return "total_amount" }
        if sellerID != other.sellerID { return "seller_id" }
        if bills != other.bills { return "bills" }
        if funds != other.funds { return "funds" }
        return nil
    }
}
