import Postgres

extension JobQueue {
    /// What one round of ``makeDueReady(after:limit:on:)`` moved.
    public struct Due: Sendable, Hashable {
        public var count: Int
        public var queues: Set<String>
        /// The latest time among them: where the next round may start.
        public var upTo: Timestamp?
    }

    /// Moves scheduled and retrying jobs whose time has come to the end of their queue.
    ///
    /// They take a new ready order there, so that claimers find them above their marks.
    /// - Parameter after: looks only at times later than this; nil looks at all.
    public static func makeDueReady(
        after: Timestamp? = nil, limit: Int = 1_000, on connection: isolated Connection
    ) throws(PostgresError) -> Due {
        let parameters: [Parameter] = [.timestamptz(after ?? Timestamp(unixMicroseconds: 0)), .int8(Int64(limit))]
        let rows = try connection.pipeline([(.alongIndexes, []), (.makeDueReady, parameters)]).last
        var due = Due(count: 0, queues: [], upTo: nil)
        for row in rows.map(Array.init) ?? [] {
            due.queues.insert(try row.text(0))
            due.count += Int(try row.int8(1))
            due.upTo = max(due.upTo ?? Timestamp(unixMicroseconds: .min), try row.timestamptz(2))
        }
        return due
    }
}

extension Statement {
    fileprivate static let makeDueReady = Statement(
        "jobs_make_due_ready",
        """
        WITH due AS MATERIALIZED (
            SELECT ctid AS place
            FROM settled.jobs
            WHERE state IN ('scheduled', 'retrying') AND run_at > $1 AND run_at <= now()
            ORDER BY run_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), moved AS (
            UPDATE settled.jobs
            SET state = 'ready', ready_order = nextval('settled.job_ready_order')
            WHERE ctid = ANY (ARRAY(SELECT place FROM due))
            RETURNING queue, run_at
        )
        SELECT queue, count(*), max(run_at) FROM moved GROUP BY queue
        """)
}
