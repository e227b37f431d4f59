import Postgres

extension JobQueue {
    /// Enters a runner in `settled.workers`, and its queue in `settled.queues`.
    /// - Parameter name: where to find it, such as `host:pid`.
    /// - Returns: the id under which it claims.
    public static func register(
        name: String, queue: String, on connection: isolated Connection
    ) throws(PostgresError) -> Int64 {
        let rows = try connection.query(.register, [.text(JobText.word(name)), .text(queue)])
        guard let row = rows.first else {
            throw PostgresError(.protocolViolation, "no worker was entered", statement: Statement.register.name)
        }
        return try row.int8(0)
    }

    /// What a heartbeat found.
    public struct Pulse: Sendable, Hashable {
        /// False when the worker's row is gone: it must register again.
        public var isKnown: Bool
        /// The ids of the given leases that were extended. One that is locked just now, because it is being completed,
        /// is not among them.
        public var extended: Set<Int64>
    }

    /// Shows that the worker lives, and extends the given leases from now, in one statement.
    ///
    /// - Parameter interval: how often this is called; a pause of more than twice that is remembered as an outage.
    /// - Parameter running: how many jobs it works on, for people to see.
    public static func heartbeat(
        worker: Int64, extending leases: [Lease], by lease: Duration, interval: Duration, running: Int,
        on connection: isolated Connection
    ) throws(PostgresError) -> Pulse {
        let parameters =
            fence(leases) + [
                .int8(worker), .int8(lease.wholeMicroseconds), .int8((interval * 2).wholeMicroseconds),
                .int4(Int32(clamping: running)),
            ]
        let rows = try connection.pipeline([(.alongIndexes, []), (.heartbeat, parameters)]).last
        guard let row = rows?.first else { return Pulse(isKnown: false, extended: []) }
        return Pulse(isKnown: try row.bool(0), extended: Set(try row.int8Array(1)))
    }

    /// How many runners of `queue` have shown themselves within half a minute and are not shutting down.
    static func liveWorkers(queue: String, on connection: isolated Connection) throws(PostgresError) -> Int {
        Int(try connection.query(.liveWorkers, [.text(queue)]).first?.int8(0) ?? 0)
    }

    /// Notes that the worker has begun to shut down: no job is blamed for its end.
    public static func beginStopping(worker: Int64, on connection: isolated Connection) throws(PostgresError) {
        _ = try connection.query(.stopping, [.int8(worker)])
    }

    /// Notes that the worker has ended in good order.
    public static func unregister(worker: Int64, on connection: isolated Connection) throws(PostgresError) {
        _ = try connection.query(.stopped, [.int8(worker)])
    }
}

extension Statement {
    fileprivate static let register = Statement(
        "workers_register",
        """
        WITH queue AS (
            INSERT INTO settled.queues (name) VALUES ($2) ON CONFLICT (name) DO NOTHING
        )
        INSERT INTO settled.workers (name, queue) VALUES ($1, $2) RETURNING id
        """)

    /// SKIP LOCKED: a job that is being completed is locked in the order of ids by its completer; waiting for it here, in
    /// another order, could deadlock, and its lease does not matter any more.
    fileprivate static let heartbeat = Statement(
        "workers_heartbeat",
        """
        WITH beat AS (
            UPDATE settled.workers
            SET heartbeat_at = now(), running = $6,
                connected_since = CASE WHEN heartbeat_at < now() - $5 * interval '1 microsecond' THEN now()
                                       ELSE connected_since END
            WHERE id = $3
            RETURNING id
        ), held AS MATERIALIZED (
            SELECT live.place
            FROM unnest($1::bigint[], $2::bigint[]) AS lease (id, epoch)
            \(liveRows(locked: "FOR UPDATE SKIP LOCKED"))
        ), extended AS (
            UPDATE settled.jobs SET lease_expires_at = now() + $4 * interval '1 microsecond'
            WHERE ctid = ANY (ARRAY(SELECT place FROM held))
            RETURNING id
        )
        SELECT EXISTS (SELECT FROM beat), ARRAY(SELECT id FROM extended)
        """)

    fileprivate static let liveWorkers = Statement(
        "workers_live",
        """
        SELECT count(*) FROM settled.workers
        WHERE queue = $1 AND stopping_at IS NULL AND heartbeat_at > now() - interval '30 seconds'
        """)

    fileprivate static let stopping = Statement(
        "workers_stopping", "UPDATE settled.workers SET stopping_at = coalesce(stopping_at, now()) WHERE id = $1")

    fileprivate static let stopped = Statement(
        "workers_stopped",
        "UPDATE settled.workers SET stopping_at = coalesce(stopping_at, now()), stopped_at = now(), running = 0 WHERE id = $1"
    )
}
