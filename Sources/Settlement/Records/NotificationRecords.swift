import Alipay
import Postgres

/// Looks deliveries up, verified and rejected ones.
public struct NotificationRecords: Sendable {
    public struct Record: Sendable {
        public let id: Int64
        public let receivedAt: Timestamp
        public let source: String
        public let result: String
        public let canonicalForm: String
        public let algorithm: String
        public let keyFingerprint: String
        public let flags: String
        public let notifyID: String?
        public let contentType: String?
        public let remoteAddress: String?
        public let jobID: Int64?
        public let subject: String?
        public let body: [UInt8]
    }

    public struct Rejected: Sendable {
        public let source: String
        /// Hex SHA-256 of the body: what the rejected delivery is called by.
        public let digest: String
        public let cause: String
        public let message: String
        public let times: Int64
        public let firstAt: Timestamp
        public let lastAt: Timestamp
        public let contentType: String?
        public let remoteAddress: String?
        public let body: [UInt8]
    }

    public struct Filter: Sendable {
        public var id: Int64?
        public var source: String?
        public var result: String?
        /// A trade number or token.
        public var subject: String?
        public var before: Int64?
        public var limit: Int64 = 50
        public init() {}
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let rejected = Statement(
        "notifications.rejected",
        """
        SELECT source, encode(body_digest, 'hex') AS digest, cause, message, times, first_at, last_at, content_type,
               remote_address, body
        FROM settled.rejected
        WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR cause = $2)
          AND ($3::text IS NULL OR encode(body_digest, 'hex') LIKE $3 || '%')
        ORDER BY last_at DESC LIMIT $4
        """)

    public func list(_ filter: Filter) async throws -> [Record] {
        let rows = try await pool.query(
            FeedReader.lane, filter.statement, [.int8(filter.limit)] + filter.conditions.map(\.value))
        return try rows.map { row in
            Record(
                id: try row.int8("id"), receivedAt: try row.timestamptz("received_at"), source: try row.text("source"),
                result: try row.text("result"), canonicalForm: try row.text("canonical_form"),
                algorithm: try row.text("algorithm"), keyFingerprint: try row.text("key_fingerprint"),
                flags: try row.text("flags"), notifyID: try row.textOrNil("notify_id"),
                contentType: try row.textOrNil("content_type"), remoteAddress: try row.textOrNil("remote_address"),
                jobID: try row.int8OrNil("job_id"), subject: try row.textOrNil("subject"), body: try row.bytea("body"))
        }
    }

    /// What did not verify, the latest first.
    ///
    /// - Parameter digest: the first lower-case hex digits of the body's digest.
    public func rejected(source: String?, cause: String?, digest: String? = nil, limit: Int64) async throws
        -> [Rejected]
    {
        let rows = try await pool.query(
            FeedReader.lane, Self.rejected, [.optional(source), .optional(cause), .optional(digest), .int8(limit)])
        return try rows.map { row in
            Rejected(
                source: try row.text("source"), digest: try row.text("digest"), cause: try row.text("cause"),
                message: try row.text("message"), times: try row.int8("times"),
                firstAt: try row.timestamptz("first_at"),
                lastAt: try row.timestamptz("last_at"), contentType: try row.textOrNil("content_type"),
                remoteAddress: try row.textOrNil("remote_address"),
                body: try row.bytea("body"))
        }
    }
}

extension NotificationRecords.Filter {
    fileprivate var conditions: [(name: String, clause: String, value: Parameter)] {
        let conditions: [(String, String, Parameter)?] = [
            id.map { ("id", "d.id = $", .int8($0)) }, source.map { ("source", "d.source = $", .text($0)) },
            result.map { ("result", "d.result = $", .text($0)) }, before.map { ("next", "d.id < $", .int8($0)) },
            subject.map { ("subject", "j.subject = $", .text($0)) },
        ]
        return conditions.compactMap { $0 }
    }

    /// One statement for each combination of conditions, so that each is planned with the index that serves it.
    fileprivate var statement: Statement {
        var name = "notifications.list"
        var clauses: [String] = []
        for (index, condition) in conditions.enumerated() {
            name += "_" + condition.name
            clauses.append("\(condition.clause)\(index + 2)")
        }
        let condition = clauses.isEmpty ? "" : "WHERE " + clauses.joined(separator: " AND ")
        return Statement(
            name,
            """
            SELECT d.id, d.received_at, d.source, d.result, d.canonical_form, d.algorithm, d.key_fingerprint, d.flags,
                   d.notify_id, d.content_type, d.remote_address, k.job_id, j.subject, d.body
            FROM settled.deliveries d
            LEFT JOIN settled.notification_keys k USING (digest)
            LEFT JOIN settled.job_list j ON j.id = k.job_id
            \(condition)
            ORDER BY d.id DESC LIMIT $1
            """)
    }
}
