import Postgres

extension JobQueue {
    /// Who claims, and on what terms.
    public struct Claim: Sendable, Hashable {
        public var queue: String
        public var limit: Int
        /// The id that ``register(name:queue:on:)`` gave.
        public var worker: Int64
        public var lease: Duration
        /// Whether the handler begins at once. Only a started job can be blamed for the death of its worker, so claim
        /// with `false` what will wait in memory, and call ``start(_:on:)`` when it begins.
        public var starts: Bool

        public init(queue: String, limit: Int, worker: Int64, lease: Duration = .seconds(30), starts: Bool = true) {
            self.queue = queue
            self.limit = limit
            self.worker = worker
            self.lease = lease
            self.starts = starts
        }
    }

    /// Takes up to `limit` ready jobs, urgent ones first and each priority in ready order, and commits (outside a
    /// transaction). A paused queue gives none; suspects are left to ``claimSuspect(_:on:)``.
    public static func claim(_ claim: Claim, on connection: isolated Connection) throws(PostgresError) -> [Lease] {
        try Self.claim(claim, after: Priority.allCases.map { _ in 0 }, on: connection)
    }

    /// - Parameter after: for each priority, the ready order above which jobs are looked for.
    static func claim(_ claim: Claim, after: [Int64], on connection: isolated Connection) throws(PostgresError)
        -> [Lease]
    {
        let parameters: [Parameter] = [
            .text(claim.queue), .int8Array(after), .int8(Int64(claim.limit)), .int8(claim.worker),
            .int8(claim.lease.wholeMicroseconds), .bool(claim.starts),
        ]
        return try leases(from: connection.pipeline([(.alongIndexes, []), (.claim, parameters)]), claim)
    }

    /// Takes the suspect that waits longest, to be run while nothing else runs in this process.
    public static func claimSuspect(_ claim: Claim, on connection: isolated Connection) throws(PostgresError) -> Lease?
    {
        let parameters: [Parameter] = [.text(claim.queue), .int8(claim.worker), .int8(claim.lease.wholeMicroseconds)]
        return try leases(from: connection.pipeline([(.alongIndexes, []), (.claimSuspect, parameters)]), claim).first
    }

    /// Whether a suspect waits in `queue`.
    public static func hasSuspects(queue: String, on connection: isolated Connection) throws(PostgresError) -> Bool {
        try connection.pipeline([(.alongIndexes, []), (.hasSuspects, [.text(queue)])]).last?.first?.bool(0) ?? false
    }

    /// Marks jobs that were claimed without `starts`: their handlers begin now.
    /// - Returns: the ids of those whose leases still live.
    public static func start(_ leases: [Lease], on connection: isolated Connection) throws(PostgresError) -> Set<Int64>
    {
        let results = try connection.pipeline([(.alongIndexes, []), (.start, fence(leases))])
        return try ids(results.last)
    }

    /// Gives jobs back unfinished, at a shutdown. No attempt is spent and no crash is counted.
    /// - Returns: the ids of those that were still this worker's.
    @discardableResult
    public static func release(_ leases: [Lease], on connection: isolated Connection) throws(PostgresError) -> Set<
        Int64
    > {
        guard !leases.isEmpty else { return [] }
        let results = try connection.pipeline([(.alongIndexes, []), (.release, fence(leases))])
        return try ids(results.last)
    }

    /// `$1` ids and `$2` epochs: what every write back is fenced on.
    static func fence(_ leases: [Lease]) -> [Parameter] {
        [.int8Array(leases.map(\.jobID)), .int8Array(leases.map(\.epoch))]
    }

    static func ids(_ rows: Rows?) throws(PostgresError) -> Set<Int64> {
        var ids: Set<Int64> = []
        for row in rows.map(Array.init) ?? [] { ids.insert(try row.int8(0)) }
        return ids
    }

    private static func leases(from results: [Rows], _ claim: Claim) throws(PostgresError) -> [Lease] {
        guard let rows = results.last else { return [] }
        var leases: [Lease] = []
        leases.reserveCapacity(rows.count)
        for row in rows {
            leases.append(
                Lease(
                    jobID: try row.int8(0), epoch: try row.int8(1), attempt: Int(try row.int4(2)) + 1,
                    crashes: Int(try row.int2(3)), isSuspect: try row.bool(4), queue: claim.queue,
                    kind: try row.text(5),
                    args: try row.jsonb(6), subject: try row.textOrNil(7),
                    priority: Priority(rawValue: try row.int2(8)) ?? .normal, createdAt: try row.timestamptz(9),
                    firstAttemptAt: try row.timestamptz(10), claimedAt: try row.timestamptz(11),
                    expiresAt: try row.timestamptz(12), worker: claim.worker, holdKey: try row.textOrNil(14),
                    readyOrder: try row.int8(13)))
        }
        return leases.sorted { ($0.priority.rawValue, $0.readyOrder) < ($1.priority.rawValue, $1.readyOrder) }
    }
}

extension Statement {
    /// For the rest of the transaction, plans go along indexes only. A plan that was made and cached while the queue was
    /// empty would otherwise scan and sort the table, and go on doing so with a million jobs in it. Nothing is compiled
    /// either: where a plan has no index to go along, the price of what is switched off would look as if that paid.
    ///
    /// There is one way to carry out each of these statements, so their plans are made once. PostgreSQL would make one anew for each
    /// array that has fewer elements than it supposes, which costs more than to complete the few jobs.
    static let alongIndexes = Statement("jobs_along_indexes", indexPlans("off", cached: "force_generic_plan"))
    /// The caller's own statements are planned as ever.
    static let anyPlan = Statement("jobs_any_plan", indexPlans("on", cached: "auto"))

    private static func indexPlans(_ others: String, cached: String) -> String {
        "SELECT set_config('jit', 'off', true), set_config('plan_cache_mode', '\(cached)', true), "
            + ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"]
            .map { "set_config('\($0)', '\(others)', true)" }.joined(separator: ", ")
    }

    private static let leaseColumns = """
        j.id, j.lease_epoch, j.attempt, j.crashes, j.suspect, j.kind, j.args, j.subject, j.priority, j.created_at,
        j.first_attempt_at, now(), j.lease_expires_at, j.ready_order, j.hold_key
        """

    /// The outer LIMIT stops the loop over priorities as soon as it has enough, so no row is locked in vain. The marks
    /// come in the order of the priorities, and a nested loop keeps it.
    fileprivate static let claim = Statement(
        "jobs_claim",
        """
        WITH picked AS MATERIALIZED (
            SELECT job.place
            FROM unnest($2::bigint[]) WITH ORDINALITY AS mark (after, number)
            CROSS JOIN LATERAL (
                SELECT j.ctid AS place
                FROM settled.jobs j
                WHERE j.state = 'ready' AND NOT j.suspect
                  AND j.queue = $1 AND j.priority = mark.number - 1 AND j.ready_order > mark.after
                ORDER BY j.ready_order
                LIMIT $3
                FOR UPDATE SKIP LOCKED
            ) AS job
            WHERE NOT EXISTS (SELECT FROM settled.queues q WHERE q.name = $1 AND q.paused)
            LIMIT $3
        )
        UPDATE settled.jobs j
        SET state = 'running', started = $6, lease_epoch = j.lease_epoch + 1, lease_owner = $4,
            lease_expires_at = now() + $5 * interval '1 microsecond',
            first_attempt_at = coalesce(j.first_attempt_at, now())
        WHERE j.ctid = ANY (ARRAY(SELECT place FROM picked))
        RETURNING \(leaseColumns)
        """)

    fileprivate static let claimSuspect = Statement(
        "jobs_claim_suspect",
        """
        WITH picked AS MATERIALIZED (
            SELECT j.ctid AS place
            FROM settled.jobs j
            WHERE j.state = 'ready' AND j.suspect AND j.queue = $1
              AND NOT EXISTS (SELECT FROM settled.queues q WHERE q.name = $1 AND q.paused)
            ORDER BY j.ready_order
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE settled.jobs j
        SET state = 'running', started = true, lease_epoch = j.lease_epoch + 1, lease_owner = $2,
            lease_expires_at = now() + $3 * interval '1 microsecond',
            first_attempt_at = coalesce(j.first_attempt_at, now())
        WHERE j.ctid = ANY (ARRAY(SELECT place FROM picked))
        RETURNING \(leaseColumns)
        """)

    fileprivate static let hasSuspects = Statement(
        "jobs_has_suspects",
        """
        SELECT EXISTS (SELECT FROM settled.jobs WHERE state = 'ready' AND suspect AND queue = $1)
           AND NOT EXISTS (SELECT FROM settled.queues WHERE name = $1 AND paused)
        """)

    fileprivate static let start = Statement(
        "jobs_start",
        """
        UPDATE settled.jobs j SET started = true
        FROM unnest($1::bigint[], $2::bigint[]) AS lease (id, epoch)
        \(liveRows)
        WHERE \(isLive)
        RETURNING j.id
        """)

    fileprivate static let release = Statement(
        "jobs_release",
        """
        WITH released AS (
            UPDATE settled.jobs j
            SET state = 'ready', ready_order = nextval('settled.job_ready_order'), started = false, lease_owner = NULL,
                lease_expires_at = NULL
            FROM unnest($1::bigint[], $2::bigint[]) AS lease (id, epoch)
            \(liveRows)
            WHERE \(isLive)
            RETURNING j.id, j.lease_epoch
        ), noted AS (
            INSERT INTO settled.job_attempts (job_id, lease_epoch, disposition, cause, message)
            SELECT id, lease_epoch, 'released', 'shutdown', 'the worker shut down before the job had ended'
            FROM released
            ON CONFLICT DO NOTHING
        )
        SELECT id FROM released
        """)
}
