import Postgres

/// A settlement that stands already, as far as another answer about the same trade is compared with it.
struct Standing: Sendable {
    let id: Int64
    let money: Money

    static let payments = Statement(
        "ledger.standing_payments",
        """
        SELECT id, trade_no, total_fen, seller_id FROM settled.settlements
        WHERE kind = 'payment' AND refund_no = '' AND trade_no = ANY ($1::text[])
        """)
    static let bills = Statement(
        "ledger.standing_bills",
        """
        SELECT settlement_id, bill_entry_id, acct_period, cost_type, amount_fen FROM settled.settlement_bills
        WHERE settlement_id = ANY ($1::int8[])
        """)
    static let funds = Statement(
        "ledger.standing_funds",
        """
        SELECT settlement_id, fund_channel, amount_fen FROM settled.settlement_funds
        WHERE settlement_id = ANY ($1::int8[])
        """)

    /// The payments that stand for `trades`, by trade number.
    static func payments(of trades: [String], in tx: isolated Connection) throws -> [String: Standing] {
        let heads = try tx.query(payments, [.textArray(trades)])
        let ids = try heads.map { try $0.int8("id") }
        var billLines: [Int64: [Money.Line]] = [:]
        for row in try tx.query(bills, [.int8Array(ids)]) {
            billLines[try row.int8("settlement_id"), default: []].append(
                Money.Line(
                    id: try row.text("bill_entry_id"), period: try row.textOrNil("acct_period") ?? "",
                    kind: try row.textOrNil("cost_type") ?? "", amountFen: try row.int8("amount_fen")))
        }
        var fundLines: [Int64: [Money.Line]] = [:]
        for row in try tx.query(funds, [.int8Array(ids)]) {
            fundLines[try row.int8("settlement_id"), default: []].append(
                Money.Line(
                    id: try row.text("fund_channel"), period: "", kind: "", amountFen: try row.int8("amount_fen")))
        }
        var standing: [String: Standing] = [:]
        for row in heads {
            let id = try row.int8("id")
            standing[try row.text("trade_no")] = Standing(
                id: id,
                money: Money(
                    totalFen: try row.int8("total_fen"), sellerID: try row.text("seller_id"),
                    bills: billLines[id] ?? [], funds: fundLines[id] ?? []))
        }
        return standing
    }
}
