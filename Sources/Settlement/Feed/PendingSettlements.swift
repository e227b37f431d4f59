import Postgres

/// Committed settlements that have no number in a feed yet.
enum PendingSettlements {
    /// The low water bounds the search in the feed as well. Without that, PostgreSQL may read the feed's whole index for each
    /// batch: while its statistics lag behind a growing table, it takes that for cheap.
    static let heads = Statement(
        "feed.pending",
        """
        SELECT s.id, s.kind, s.app_id, s.trade_no, s.seller_id, s.biz_type, s.room_id, s.community_id, s.total_fen,
               s.currency, s.trade_status, s.assurance, s.paid_at, s.confirmed_at, s.original_id,
               s.pay_biz_code, s.biz_order_id, s.plan_id, s.alipay_trade_no
        FROM settled.settlements s
        WHERE s.id > $2
          AND NOT EXISTS (
              SELECT FROM settled.feed f WHERE f.feed_id = $1 AND f.settlement_id = s.id AND f.settlement_id > $2)
        ORDER BY s.id
        LIMIT $3
        """)
    static let bills = Statement(
        "feed.pending_bills",
        """
        SELECT settlement_id, bill_entry_id, acct_period, cost_type, amount_fen FROM settled.settlement_bills
        WHERE settlement_id = ANY ($1::int8[]) ORDER BY settlement_id, line_no
        """)
    static let funds = Statement(
        "feed.pending_funds",
        """
        SELECT settlement_id, fund_channel, amount_fen FROM settled.settlement_funds
        WHERE settlement_id = ANY ($1::int8[]) ORDER BY settlement_id, line_no
        """)

    static func read(feed: String, after lowWater: Int64, limit: Int64, in tx: isolated Connection) throws
        -> [FeedPayload]
    {
        var payloads: [FeedPayload] = []
        for row in try tx.query(heads, [.text(feed), .int8(lowWater), .int8(limit)]) {
            payloads.append(try FeedPayload(row))
        }
        guard !payloads.isEmpty else { return [] }
        try fill(&payloads, in: tx)
        return payloads
    }

    /// Adds the bill and fund lines of `payloads`.
    static func fill(_ payloads: inout [FeedPayload], in tx: isolated Connection) throws {
        let ids = Parameter.int8Array(payloads.map(\.id))
        let lines = try tx.pipeline([(bills, [ids]), (funds, [ids])])
        let positions = Dictionary(uniqueKeysWithValues: payloads.enumerated().map { ($0.element.id, $0.offset) })
        for row in lines[0] {
            guard let position = positions[try row.int8("settlement_id")] else { continue }
            payloads[position].bills.append(
                FeedPayload.Line(
                    id: try row.text("bill_entry_id"), period: try row.textOrNil("acct_period"),
                    kind: try row.textOrNil("cost_type"), amountFen: try row.int8("amount_fen")))
        }
        for row in lines[1] {
            guard let position = positions[try row.int8("settlement_id")] else { continue }
            payloads[position].funds.append(
                FeedPayload.Line(
                    id: try row.text("fund_channel"), period: nil, kind: nil, amountFen: try row.int8("amount_fen")))
        }
    }
}

extension FeedPayload {
    /// Reads the columns of `settled.settlements` without the lines.
    init(_ row: Row) throws {
        self.init(
            id: try row.int8("id"), kind: try row.text("kind"), appID: try row.text("app_id"),
            tradeNo: try row.textOrNil("trade_no") ?? "", sellerID: try row.textOrNil("seller_id") ?? "",
            bizType: try row.textOrNil("biz_type"),
            roomID: try row.textOrNil("room_id"), communityID: try row.textOrNil("community_id"),
            totalFen: try row.int8("total_fen"), currency: try row.text("currency"),
            tradeStatus: try row.text("trade_status"), assurance: try row.text("assurance"),
            paidAt: try row.timestamptzOrNil("paid_at"), confirmedAt: try row.timestamptz("confirmed_at"),
            originalID: try row.int8OrNil("original_id"))
        if let planID = try row.textOrNil("plan_id") {
            withheld = Withheld(
                payBizCode: try row.text("pay_biz_code"), bizOrderID: try row.text("biz_order_id"), planID: planID,
                alipayTradeNo: try row.textOrNil("alipay_trade_no"))
        }
    }
}
