import Alipay
import Postgres

/// Looks settlements up for people and for the API.
public struct SettlementRecords: Sendable {
    /// A settlement with its lines and persons, as it is served in the feed.
    public struct Record: Sendable {
        public let id: Int64
        public let kind: String
        /// The trade; of a withheld instalment Alipay's own trade number, else its plan.
        public let tradeNo: String
        /// Empty for a withheld instalment, which names none.
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
        public var sellerID: String?
        public var communityID: String?
        public var roomID: String?
        /// The job that wrote it.
        public var jobID: Int64?
        /// Only settlements with a smaller id: newest first, page by page.
        public var before: Int64?
        public var limit: Int64 = 50
        public init() {}
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    public func list(_ filter: Filter) async throws -> [Record] {
        try await pool.transaction(FeedReader.lane) { tx in
            let rows = try tx.query(filter.statement, filter.parameters)
            var payloads = try rows.map { try FeedPayload($0) }
            if !payloads.isEmpty { try PendingSettlements.fill(&payloads, in: tx) }
            return try zip(rows, payloads).map(Record.init)
        }
    }
}

extension SettlementRecords.Filter {
    private var conditions: [(name: String, clause: String, value: Parameter)] {
        let conditions: [(String, String, Parameter)?] = [
            id.map { ("id", "s.id = $#", .int8($0)) },
            tradeNo.map { ("trade", "(s.trade_no = $# OR s.alipay_trade_no = $#)", .text($0)) },
            sellerID.map { ("seller", "s.seller_id = $#", .text($0)) },
            communityID.map { ("community", "s.community_id = $#", .text($0)) },
            roomID.map { ("room", "s.room_id = $#", .text($0)) }, jobID.map { ("job", "s.job_id = $#", .int8($0)) },
            before.map { ("next", "s.id < $#", .int8($0)) },
        ]
        return conditions.compactMap { $0 }
    }

    /// One statement for each combination of conditions, so that each is planned with the index that serves it.
    fileprivate var statement: Statement {
        var name = "settlements.list"
        var clauses: [String] = []
        for (index, condition) in conditions.enumerated() {
            name += "_" + condition.name
            clauses.append(condition.clause.replacing("$#", with: "$\(index + 2)"))
        }
        if billEntryID != nil {
            name += "_bill"
            clauses.append(
                "s.id IN (SELECT settlement_id FROM settled.settlement_bills WHERE bill_entry_id = $\(clauses.count + 2))"
            )
        }
        let condition = clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ")
        return Statement(
            name,
            """
            SELECT s.id, s.kind, s.app_id, s.trade_no, s.seller_id, s.biz_type, s.room_id, s.community_id, s.total_fen,
                   s.currency, s.trade_status, s.assurance, s.paid_at, s.confirmed_at, s.original_id, s.job_id,
                   s.pay_biz_code, s.biz_order_id, s.plan_id, s.alipay_trade_no,
                   p.buyer_user_id, p.buyer_logon_id, p.household_id, f.seq
            FROM settled.settlements s
            LEFT JOIN settled.settlement_parties p ON p.settlement_id = s.id
            LEFT JOIN settled.feed f ON f.feed_id = 'main' AND f.settlement_id = s.id
            \(condition)
            ORDER BY s.id DESC LIMIT $1
            """)
    }

    fileprivate var parameters: [Parameter] {
        [.int8(limit)] + conditions.map(\.value) + (billEntryID.map { [.text($0)] } ?? [])
    }
}

extension SettlementRecords.Record {
    init(_ row: Row, _ payload: FeedPayload) throws {
        self.init(
            id: payload.id, kind: payload.kind,
            tradeNo: payload.withheld.map { $0.alipayTradeNo ?? $0.planID } ?? payload.tradeNo,
            sellerID: payload.sellerID,
            communityID: payload.communityID, totalFen: payload.totalFen, tradeStatus: payload.tradeStatus,
            paidAt: payload.paidAt, confirmedAt: payload.confirmedAt, bills: payload.bills.count,
            jobID: try row.int8("job_id"), seq: try row.int8OrNil("seq"),
            json: FeedPayload.settlement(
                payload.bytes, buyerUserID: try row.textOrNil("buyer_user_id"),
                buyerLogonID: try row.textOrNil("buyer_logon_id"), householdID: try row.textOrNil("household_id")))
    }
}
