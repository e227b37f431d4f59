import Alipay
import Postgres

/// Looks settlements up for people and for the API.
public struct SettlementRecords: Sendable {
    /// A settlement with its lines and persons, as it is served in the feed.
    public struct Record: Sendable {
        public let id: Int64
        public let kind: String
        public let tradeNo: String
        public let sellerID: String
        public let communityID: String?
        public let totalFen: Int64
        public let tradeStatus: String
        public let paidAt: Timestamp?
        public let confirmedAt: Timestamp
        public let bills: Int
        public let jobID: Int64
        /// The number in the main feed; nil until it has one.
        public let seq: Int64?
        /// The object that the feed serves as `settlement`.
        public let json: [UInt8]
    }

    public struct Filter: Sendable {
        public var id: Int64?
        public var tradeNo: String?
        public var billEntryID: String?
        /// Only settlements with a smaller id: newest first, page by page.
        public var before: Int64?
        public var limit: Int64 = 50
        public init() {}
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let list = Statement(
        "settlements.list",
        """
        SELECT s.id, s.kind, s.app_id, s.trade_no, s.seller_id, s.biz_type, s.room_id, s.community_id, s.total_fen,
               s.currency, s.trade_status, s.assurance, s.paid_at, s.confirmed_at, s.original_id, s.job_id,
               p.buyer_user_id, p.buyer_logon_id, p.household_id, f.seq
        FROM settled.settlements s
        LEFT JOIN settled.settlement_parties p ON p.settlement_id = s.id
        LEFT JOIN settled.feed f ON f.feed_id = 'main' AND f.settlement_id = s.id
        WHERE ($1::int8 IS NULL OR s.id = $1) AND ($2::text IS NULL OR s.trade_no = $2)
          AND ($3::int8 IS NULL OR s.id < $3)
          AND ($4::text IS NULL OR s.id IN (SELECT settlement_id FROM settled.settlement_bills WHERE bill_entry_id = $4))
        ORDER BY s.id DESC LIMIT $5
        """)

    public func list(_ filter: Filter) async throws -> [Record] {
        try await pool.transaction(FeedReader.lane) { tx in
            let rows = try tx.query(
                Self.list,
                [
                    .optional(filter.id), .optional(filter.tradeNo), .optional(filter.before),
                    .optional(filter.billEntryID), .int8(filter.limit),
                ])
            var payloads = try rows.map { try FeedPayload($0) }
            if !payloads.isEmpty { try PendingSettlements.fill(&payloads, in: tx) }
            return try zip(rows, payloads).map(Record.init)
        }
    }
}

extension SettlementRecords.Record {
    init(_ row: Row, _ payload: FeedPayload) throws {
        self.init(
            id: payload.id, kind: payload.kind, tradeNo: payload.tradeNo, sellerID: payload.sellerID,
            communityID: payload.communityID, totalFen: payload.totalFen, tradeStatus: payload.tradeStatus,
            paidAt: payload.paidAt, confirmedAt: payload.confirmedAt, bills: payload.bills.count,
            jobID: try row.int8("job_id"), seq: try row.int8OrNil("seq"),
            json: FeedPayload.settlement(
                payload.bytes, buyerUserID: try row.textOrNil("buyer_user_id"),
                buyerLogonID: try row.textOrNil("buyer_logon_id"), householdID: try row.textOrNil("household_id")))
    }
}
