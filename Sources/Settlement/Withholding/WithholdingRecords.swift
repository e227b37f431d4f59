import Postgres
import Taobao
import Wire

/// Looks withholding orders up for people, for the API and for metrics.
public struct WithholdingRecords: Sendable {
    public struct Filter: Sendable {
        /// `INIT`, `PARTIAL_SUCCESSED`, `SUCCESSED`, `FAILED`, another word of the platform, or `unknown` before its first answer.
        public var payStatus: String?
        /// The state of the job that asks, such as `quarantined`.
        public var jobState: String?
        public var bizOrderID: String?
        public var payBizCode: String?
        /// Only orders with a smaller id: newest first, page by page.
        public var before: Int64?
        public var limit: Int64 = 50
        public init() {}
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let orders = Statement(
        "withholdings.list",
        """
        SELECT w.*, j.state AS job_state, j.cause, j.message, j.note,
               CASE WHEN j.state IN ('ready', 'scheduled', 'retrying') THEN j.run_at END AS next_poll_at
        FROM settled.withholdings w
        LEFT JOIN LATERAL (SELECT state, cause, message, note, run_at FROM settled.job_list WHERE id = w.job_id LIMIT 1) AS j
            ON true
        WHERE ($2::text IS NULL OR coalesce(w.pay_status, 'unknown') = $2) AND ($3::text IS NULL OR j.state = $3)
          AND ($4::text IS NULL OR w.biz_order_id = $4) AND ($5::text IS NULL OR w.pay_biz_code = $5)
          AND ($6::int8 IS NULL OR w.id < $6)
        ORDER BY w.id DESC LIMIT $1
        """)
    static let details = Statement(
        "withholdings.details",
        """
        SELECT d.* FROM settled.withholding_details d
        JOIN unnest($1::text[], $2::text[]) AS asked (code, id) ON d.pay_biz_code = asked.code AND d.biz_order_id = asked.id
        ORDER BY d.plan_id
        """)
    static let history = Statement(
        "withholdings.history",
        """
        SELECT * FROM settled.withholding_detail_history WHERE pay_biz_code = $1 AND biz_order_id = $2
        ORDER BY id DESC LIMIT 500
        """)
    static let polls = Statement(
        "withholdings.polls",
        """
        SELECT at, verdict, request_id FROM settled.withholding_polls WHERE pay_biz_code = $1 AND biz_order_id = $2
        ORDER BY id DESC LIMIT 50
        """)

    /// Orders that match, the newest first, each with its instalments.
    public func list(_ filter: Filter) async throws -> [WithholdingRecord] {
        try await pool.transaction(FeedReader.lane) { tx in
            var records: [WithholdingRecord] = []
            for row in try tx.query(Self.orders, filter.parameters) { records.append(try WithholdingRecord(row)) }
            let places = Dictionary(uniqueKeysWithValues: records.enumerated().map { ($0.element.key, $0.offset) })
            let keys: [Parameter] = [.textArray(records.map(\.payBizCode)), .textArray(records.map(\.bizOrderID))]
            for row in try tx.query(Self.details, keys) {
                guard let place = places[try WithholdingRecord.key(row)] else { continue }
                records[place].details.append(try WithholdingRecord.Detail(row))
            }
            return records
        }
    }

    /// All orders of that id (one for each pay_biz_code), with the history of their instalments and their last 50 polls.
    public func show(_ bizOrderID: String, payBizCode: String? = nil) async throws -> [WithholdingRecord] {
        var filter = Filter()
        filter.bizOrderID = bizOrderID
        filter.payBizCode = payBizCode
        let found = try await list(filter)
        return try await pool.transaction(FeedReader.lane) { tx in
            var records: [WithholdingRecord] = []
            for var record in found {
                let key: [Parameter] = [.text(record.payBizCode), .text(record.bizOrderID)]
                record.history = try tx.query(Self.history, key).map(WithholdingRecord.Seen.init).reversed()
                record.recentPolls = try tx.query(Self.polls, key).map(WithholdingRecord.Poll.init).reversed()
                records.append(record)
            }
            return records
        }
    }

    // MARK: Numbers

    static let counts = Statement(
        "withholdings.counts",
        """
        SELECT coalesce(pay_status, 'unknown') AS pay_status, count(*) AS orders FROM settled.withholdings
        WHERE ended_at IS NULL GROUP BY 1
        """)
    static let ban = Statement(
        "top_bans.now",
        """
        SELECT extract(epoch FROM until - now())::float8 AS seconds, is_daily_quota, until, cause FROM settled.top_bans
        WHERE until > now() AND ($1::text IS NULL OR app_key = $1) ORDER BY until DESC LIMIT 1
        """)

    /// How many orders that have not ended have each status.
    public func openOrders() async throws -> [String: Int64] {
        var counts: [String: Int64] = [:]
        for row in try await pool.query(FeedReader.lane, Self.counts) {
            counts[try row.text("pay_status")] = try row.int8("orders")
        }
        return counts
    }

    /// A ban during which TOP is not asked.
    public struct Ban: Sendable, Hashable {
        public let seconds: Double
        public let until: Timestamp
        public let isDailyQuota: Bool
        public let cause: String
    }

    /// The ban of now, if there is one.
    public func ban(appKey: String? = nil) async throws -> Ban? {
        try await pool.query(FeedReader.lane, Self.ban, [.optional(appKey)]).first.map { row in
            Ban(
                seconds: try row.float8("seconds"), until: try row.timestamptz("until"),
                isDailyQuota: try row.bool("is_daily_quota"), cause: try row.text("cause"))
        }
    }
}

extension WithholdingRecords.Filter {
    fileprivate var parameters: [Parameter] {
        [
            .int8(limit), .optional(payStatus), .optional(jobState), .optional(bizOrderID), .optional(payBizCode),
            before.map { .int8($0) } ?? .null,
        ]
    }
}
