import Postgres

/// What the rest of the line knows of one pay-result job: the notifications before it, the gateway's answers, and the
/// settlements it led to.
public struct JobTrace: Sendable {
    /// A notification that queued the job, or a later delivery of the same one.
    public struct Delivery: Sendable, Hashable {
        public let id: Int64
        public let receivedAt: Timestamp
        public let source: String
        /// new, duplicate or quarantined.
        public let result: String
    }

    /// An answer of the gateway that settled nothing; kept for days.
    public struct Answer: Sendable, Hashable {
        public let at: Timestamp
        public let verdict: String
        public let code: String?
        public let subCode: String?
        public let isSigned: Bool
    }

    /// Oldest first, at most 100.
    public let deliveries: [Delivery]
    /// The last 100, oldest first.
    public let answers: [Answer]
    /// Those that the job wrote; when it wrote none, those that stand for its trade.
    public let settlements: [SettlementRecords.Record]

    static let deliveries = Statement(
        "trace.deliveries",
        """
        SELECT d.id, d.received_at, d.source, d.result
        FROM settled.notification_keys k JOIN settled.deliveries d USING (digest)
        WHERE k.job_id = $1 ORDER BY d.id LIMIT 100
        """)
    static let answers = Statement(
        "trace.answers",
        """
        SELECT at, verdict, code, sub_code, signed FROM settled.gateway_log WHERE job_id = $1 ORDER BY at DESC LIMIT 100
        """)

    /// - Parameter args: the job's arguments, which name the trade.
    public static func of(_ jobID: Int64, args: String, pool: Pool) async throws -> JobTrace {
        let (deliveries, answers) = try await pool.transaction(FeedReader.lane) { tx in
            (
                try tx.query(Self.deliveries, [.int8(jobID)]).map { row in
                    Delivery(
                        id: try row.int8("id"), receivedAt: try row.timestamptz("received_at"),
                        source: try row.text("source"), result: try row.text("result"))
                },
                try tx.query(Self.answers, [.int8(jobID)]).map { row in
                    Answer(
                        at: try row.timestamptz("at"), verdict: try row.text("verdict"),
                        code: try row.textOrNil("code"), subCode: try row.textOrNil("sub_code"),
                        isSigned: try row.bool("signed"))
                }
            )
        }
        let records = SettlementRecords(pool: pool)
        var filter = SettlementRecords.Filter()
        filter.jobID = jobID
        var settlements = try await records.list(filter)
        if settlements.isEmpty, let tradeNo = PayResultJob(args: args)?.tradeNo {
            filter.jobID = nil
            filter.tradeNo = tradeNo
            settlements = try await records.list(filter)
        }
        return JobTrace(deliveries: deliveries, answers: answers.reversed(), settlements: settlements)
    }
}
