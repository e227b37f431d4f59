import Postgres

/// A job that was taken back from a worker whose lease had run out.
public struct RescuedJob: Sendable, Hashable {
    public let jobID: Int64
    public let queue: String
    public let kind: String
    /// Its worker died while it ran and nothing else explains that.
    public let crashed: Bool
    /// The third crash that happened while it ran alone.
    public let quarantined: Bool
}

extension JobQueue {
    /// How many workers may die of a job that runs alone before it is quarantined.
    static let crashLimit = 3

    /// Takes back jobs whose leases have run out.
    ///
    /// A started job is blamed when its worker is silent and nobody else lost touch with the database at that time. The first
    /// blame makes it a suspect, which runs alone; only what happens there counts as a crash. Nothing is blamed for
    /// a worker that was shutting down, one that lives, or an outage of the database.
    ///
    /// - Parameter lease: the duration that leases are granted for.
    /// - Parameter lookingBack: looks only at leases that ran out within this time, which spares it the dead index entries of
    ///   older ones; nil looks at all.
    public static func rescue(
        lease: Duration = .seconds(30), lookingBack: Duration? = nil, limit: Int = 1_000,
        on connection: isolated Connection
    ) throws(PostgresError) -> [RescuedJob] {
        try rescue(lease: lease, silence: lease, lookingBack: lookingBack, limit: limit, on: connection)
    }

    /// - Parameter silence: how long a worker must not have shown itself to be taken for dead. Whoever claims has shown itself
    ///   not long before, so by the time a lease runs out a dead worker has been silent for the length of a lease.
    static func rescue(
        lease: Duration, silence: Duration, lookingBack: Duration? = nil, limit: Int = 1_000,
        on connection: isolated Connection
    ) throws(PostgresError) -> [RescuedJob] {
        let parameters: [Parameter] = [
            .int8((lookingBack ?? .seconds(100 * 365 * 86_400)).wholeMicroseconds), .int8(Int64(limit)),
            .int8(lease.wholeMicroseconds),
            .int2(Int16(crashLimit)), .int8(silence.wholeMicroseconds),
        ]
        let rows = try connection.pipeline([(.alongIndexes, []), (.rescue, parameters)]).last
        var rescued: [RescuedJob] = []
        for row in rows.map(Array.init) ?? [] {
            rescued.append(
                RescuedJob(
                    jobID: try row.int8(0), queue: try row.text(1), kind: try row.text(2), crashed: try row.bool(3),
                    quarantined: try row.bool(4)))
        }
        return rescued
    }
}

extension Statement {
    /// An outage shows in a worker that is older than the lease and whose unbroken contact is younger: it lost touch too.
    fileprivate static let rescue = Statement(
        "jobs_rescue",
        """
        WITH lapsed AS MATERIALIZED (
            SELECT j.ctid AS place, j.id, j.lease_epoch, j.lease_owner, j.started, j.suspect, j.crashes, j.lease_expires_at,
                   j.lease_expires_at - $3 * interval '1 microsecond' AS granted_at
            FROM settled.jobs j
            WHERE j.state = 'running' AND j.lease_expires_at < now()
              AND j.lease_expires_at > now() - $1::bigint * interval '1 microsecond'
            ORDER BY j.lease_expires_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), judged AS MATERIALIZED (
            SELECT l.*, coalesce(w.name, 'unknown') AS worker_name,
                   l.started
                   AND w.stopping_at IS NULL
                   AND coalesce(w.heartbeat_at < now() - $5 * interval '1 microsecond', true)
                   AND pg_postmaster_start_time() < l.granted_at
                   AND NOT EXISTS (
                       SELECT FROM settled.workers o
                       WHERE o.id <> l.lease_owner AND o.started_at < l.granted_at AND o.connected_since > l.granted_at
                   ) AS crashed
            FROM lapsed l LEFT JOIN settled.workers w ON w.id = l.lease_owner
        ), verdict AS MATERIALIZED (
            SELECT *, crashed AND suspect AND crashes + 1 >= $4 AS quarantined FROM judged
        ), taken AS (
            UPDATE settled.jobs j
            SET state = CASE WHEN v.quarantined THEN 'quarantined' ELSE 'ready' END,
                ready_order = nextval('settled.job_ready_order'),
                crashes = j.crashes + CASE WHEN v.crashed AND v.suspect THEN 1 ELSE 0 END,
                suspect = NOT v.quarantined AND (v.suspect OR v.crashed),
                cause = CASE WHEN v.quarantined THEN 'crashed_worker' ELSE j.cause END,
                message = CASE WHEN v.quarantined THEN 'its worker died ' || (j.crashes + 1) || ' times while it ran alone'
                               ELSE j.message END,
                hold_key = CASE WHEN v.quarantined THEN NULL ELSE j.hold_key END,
                started = false, lease_owner = NULL, lease_expires_at = NULL
            FROM verdict v
            WHERE j.ctid = v.place
            RETURNING j.id, j.queue, j.kind, v.crashed, v.quarantined
        ), noted AS (
            INSERT INTO settled.job_attempts (job_id, lease_epoch, worker, disposition, cause, message)
            SELECT id, lease_epoch, lease_owner,
                   CASE WHEN crashed THEN 'crash' ELSE 'lost' END,
                   CASE WHEN crashed THEN 'worker_died' ELSE 'lease_expired' END,
                   CASE WHEN crashed THEN 'worker ' || worker_name || ' died while the job ran'
                        || CASE WHEN suspect THEN ' alone' ELSE ' among others' END
                        ELSE 'the lease of worker ' || worker_name || ' ran out' END
            FROM verdict
            ON CONFLICT DO NOTHING
        )
        SELECT id, queue, kind, crashed, quarantined FROM taken
        """)
}
