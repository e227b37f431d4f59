import Postgres

/// Looks expectations up for people, for the API and for metrics.
public struct ExpectationRecords: Sendable {
    public struct Filter: Sendable {
        public var id: Int64?
        public var state: ExpectationState?
        public var tradeNo: String?
        public var queryToken: String?
        public var billEntryID: String?
        public var communityID: String?
        /// Only expectations with a smaller id: newest first, page by page.
        public var before: Int64?
        public var limit: Int64 = 50
        public init() {}
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    /// Expectations that match, the newest first.
    public func list(_ filter: Filter) async throws -> [ExpectationRecord] {
        try await pool.query(FeedReader.lane, filter.statement, filter.parameters).map(ExpectationRecord.init)
    }

    public func show(_ id: Int64) async throws -> ExpectationRecord? {
        var filter = Filter()
        filter.id = id
        return try await list(filter).first
    }

    // MARK: Numbers

    static let counts = Statement(
        "expectations.counts",
        """
        SELECT count(*) FILTER (WHERE due_at > now()) AS waiting, count(*) FILTER (WHERE due_at <= now()) AS missing
        FROM settled.expectations WHERE fulfilled_at IS NULL AND cancelled_at IS NULL
        """)

    /// How many open expectations are waiting and how many are missing, as the sweep saw them last.
    public func openExpectations() async throws -> [ExpectationState: Int64] {
        guard let row = try await pool.query(FeedReader.lane, Self.counts).first else { return [:] }
        return [.waiting: try row.int8("waiting"), .missing: try row.int8("missing")]
    }
}

extension ExpectationRecords.Filter {
    private var conditions: [(name: String, clause: String, value: Parameter)] {
        let conditions: [(String, String, Parameter)?] = [
            id.map { ("id", "e.id = $#", .int8($0)) }, tradeNo.map { ("trade", "e.trade_no = $#", .text($0)) },
            queryToken.map { ("token", "e.query_token = $#", .text($0)) },
            billEntryID.map { ("bill", "e.bill_entry_id = $#", .text($0)) },
            communityID.map { ("community", "e.community_id = $#", .text($0)) },
            before.map { ("next", "e.id < $#", .int8($0)) },
        ]
        return conditions.compactMap { $0 }
    }

    /// One statement for each combination of conditions, so that each is planned with the index that serves it.
    fileprivate var statement: Statement {
        var name = "expectations.list"
        var clauses: [String] = []
        for (index, condition) in conditions.enumerated() {
            name += "_" + condition.name
            clauses.append(condition.clause.replacing("$#", with: "$\(index + 2)"))
        }
        if let state {
            name += "_" + state.rawValue
            clauses.append(state.clause)
        }
        let condition = clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ")
        return Statement(
            name,
            """
            SELECT e.id, e.kind, e.state, coalesce(e.trade_no, e.query_token, e.bill_entry_id) AS name, e.app_id, e.seller_id,
                   e.community_id, e.due_on::text AS due_text, e.amount_fen, e.due_at,
                   extract(epoch FROM now() - e.due_at)::int8 AS overdue, e.added_at, e.added_by, e.asked_at, e.job_id,
                   e.settlement_id, e.settled_fen, e.settled_at, e.cancelled_at, e.cancelled_by, e.cancel_reason,
                   j.state AS job_state, j.outcome, j.cause, j.message, j.note
            FROM settled.expectation_list e
            LEFT JOIN LATERAL (SELECT state, outcome, cause, message, note FROM settled.job_list WHERE id = e.job_id LIMIT 1)
                AS j ON true
            \(condition)
            ORDER BY e.id DESC LIMIT $1
            """)
    }

    fileprivate var parameters: [Parameter] { [.int8(limit)] + conditions.map(\.value) }
}

extension ExpectationState {
    /// What the view says, and before it what an index knows.
    fileprivate var clause: String {
        let isOpen = "e.fulfilled_at IS NULL AND e.cancelled_at IS NULL"
        return switch self {
        case .waiting: "\(isOpen) AND e.due_at > now() AND e.state = 'waiting'"
        case .missing: "\(isOpen) AND e.due_at <= now() AND e.state = 'missing'"
        case .fulfilled: "e.cancelled_at IS NULL AND e.state = 'fulfilled'"
        case .cancelled: "e.cancelled_at IS NOT NULL"
        }
    }
}
