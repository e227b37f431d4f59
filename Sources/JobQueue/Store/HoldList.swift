import Postgres

/// A hold as people see it: what stands in the way of how many jobs, since when, and when it is looked at again.
public struct Hold: Sendable, Hashable {
    public let queue: String
    public let key: String
    public let cause: String
    public let reason: String
    public let since: Timestamp
    /// Jobs that wait under it.
    public let count: Int
    /// Jobs that were let out and have not answered yet.
    public let out: Int
    /// When the next one is let out to find out; of a lifted hold: the next batch.
    public let nextAt: Timestamp
    /// How many have been let out to find out.
    public let probes: Int
    /// Since when its jobs are going back; nil while the cause stands.
    public let liftedAt: Timestamp?
}

extension JobStore {
    /// All holds, the oldest first.
    public static func holds(queue: String? = nil, on connection: isolated Connection) throws(PostgresError) -> [Hold] {
        try connection.query(.holds, [.optional(queue)]).map(Hold.init)
    }

    /// How many holds stand or are being lifted in each queue that a runner has served, also where there is none.
    public static func holdCounts(on connection: isolated Connection) throws(PostgresError) -> [String: Int] {
        var counts: [String: Int] = [:]
        for row in try connection.query(.holdCounts) { counts[try row.text(0)] = Int(try row.int8(1)) }
        return counts
    }

    /// Ends holds by a person's word: their jobs go back at once, a window at a time. If the cause still stands, they will be
    /// held again. Call ``JobSignal/send(queue:)`` afterwards.
    ///
    /// - Parameter queue: nil: in every queue.
    /// - Returns: the holds that were, or in a dry run would be, ended; without those that were lifted already.
    public static func release(
        hold key: String, queue: String? = nil, by actor: Actor, dryRun: Bool = false,
        on connection: isolated Connection
    ) throws(PostgresError) -> [Hold] {
        let found = try holds(queue: queue, on: connection).filter { $0.key == key && $0.liftedAt == nil }
        guard !dryRun, !found.isEmpty else { return found }
        var released: Set<String> = []
        let parameters: [Parameter] = [
            .text(key), .textArray(found.map(\.queue)), .text(actor.name), .text(actor.reason),
            .int4(JobQueue.LiftPace.firstWindow),
        ]
        for row in try connection.query(.releaseHold, parameters) { released.insert(try row.text(0)) }
        return found.filter { released.contains($0.queue) }
    }
}

extension Hold {
    fileprivate init(_ row: Row) throws(PostgresError) {
        self.init(
            queue: try row.text(0), key: try row.text(1), cause: try row.text(2), reason: try row.text(3),
            since: try row.timestamptz(4), count: Int(try row.int8(5)), out: Int(try row.int8(6)),
            nextAt: try row.timestamptz(7), probes: Int(try row.int4(8)), liftedAt: try row.timestamptzOrNil(9))
    }
}

extension Statement {
    fileprivate static let holds = Statement(
        "holds_list",
        """
        SELECT h.queue, h.key, h.cause, h.reason, h.since,
               (SELECT count(*) FROM settled.jobs j
                WHERE j.queue = h.queue AND j.hold_key = h.key AND j.state = 'held'),
               (SELECT count(*) FROM settled.jobs j
                WHERE j.queue = h.queue AND j.hold_key = h.key AND j.state IN ('ready', 'running')),
               h.next_at, h.probes, h.lifted_at
        FROM settled.holds h WHERE h.queue = $1 OR $1 IS NULL ORDER BY h.since, h.queue, h.key
        """)

    fileprivate static let holdCounts = Statement(
        "holds_counts",
        "SELECT q.name, (SELECT count(*) FROM settled.holds h WHERE h.queue = q.name) FROM settled.queues q")

    fileprivate static let releaseHold = Statement(
        "holds_release",
        """
        WITH target AS MATERIALIZED (
            SELECT queue, key, cause FROM settled.holds
            WHERE key = $1 AND queue = ANY ($2::text[]) AND lifted_at IS NULL
            ORDER BY queue COLLATE "C" FOR UPDATE
        ), released AS (
            UPDATE settled.holds h SET lifted_at = now(), lift_window = $5, next_at = now()
            FROM target t WHERE h.queue = t.queue AND h.key = t.key
            RETURNING h.queue
        ), noted AS (
            INSERT INTO settled.job_events (queue, action, actor, reason, from_state, to_state, cause, hold_key)
            SELECT queue, 'release', $3, $4, 'held', 'ready', cause, key FROM target
        )
        SELECT queue FROM released
        """)
}
