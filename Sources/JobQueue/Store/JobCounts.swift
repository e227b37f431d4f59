import Postgres

/// How many live jobs of one queue are in one state.
public struct JobCount: Sendable, Hashable {
    public let queue: String
    public let state: JobState
    public let count: Int
    /// For ready jobs: how long the oldest has been waiting since it became ready.
    public let oldestReadyAge: Duration?
}

/// Quarantined jobs of one queue that share a cause.
public struct CauseCount: Sendable, Hashable {
    public let queue: String
    public let cause: String
    public let count: Int
    /// When the oldest and the newest of them were enqueued.
    public let first: Timestamp
    public let last: Timestamp
}

extension JobStore {
    /// Live jobs by queue and state. It reads the whole live table: call it every 15 s or so, not for every request.
    public static func counts(on connection: isolated Connection) throws(PostgresError) -> [JobCount] {
        var counts: [JobCount] = []
        for row in try connection.query(.counts) {
            guard let state = JobState(rawValue: try row.text(1)) else { continue }
            counts.append(
                JobCount(
                    queue: try row.text(0), state: state, count: Int(try row.int8(2)),
                    oldestReadyAge: try row.int8OrNil(3).map { .microseconds(max(0, $0)) }))
        }
        return counts
    }

    /// Why jobs are quarantined, the most frequent cause first.
    public static func causes(on connection: isolated Connection) throws(PostgresError) -> [CauseCount] {
        var causes: [CauseCount] = []
        for row in try connection.query(.causes) {
            causes.append(
                CauseCount(
                    queue: try row.text(0), cause: try row.text(1), count: Int(try row.int8(2)),
                    first: try row.timestamptz(3), last: try row.timestamptz(4)))
        }
        return causes
    }
}

extension Statement {
    fileprivate static let counts = Statement(
        "jobs_counts",
        """
        SELECT queue, state, count(*),
               CASE WHEN state = 'ready'
                    THEN (extract(epoch FROM now() - min(run_at)) * 1000000)::bigint END
        FROM settled.jobs GROUP BY queue, state ORDER BY queue, state
        """)

    fileprivate static let causes = Statement(
        "jobs_causes",
        """
        SELECT queue, cause, count(*), min(created_at), max(created_at)
        FROM settled.jobs WHERE state = 'quarantined' GROUP BY queue, cause ORDER BY count(*) DESC, queue, cause
        """)
}
