import Postgres

extension JobQueue {
    /// What one round of ``tendHolds(probeInterval:in:)`` let out.
    public struct HoldRound: Sendable, Hashable {
        public var released: Int
        public var queues: Set<String>
    }

    /// How holds give their jobs back: a window of jobs that may be out at once, doubled when at most a quarter of it still is.
    enum LiftPace {
        static let firstWindow: Int32 = 16
        static let widestWindow: Int32 = 4_000
        static let interval = Duration.milliseconds(500)
    }

    /// Ends holds: their jobs go back to ready, urgent and old ones first, a window at a time.
    ///
    /// A handler calls it in the transaction that records what showed the cause to be gone; a job that was let out and is
    /// done lifts its hold without that. A hold that does not stand is passed over.
    public static func lift(
        _ holds: Set<HoldKey>, in tx: isolated Connection
    ) throws(PostgresError) {
        guard !holds.isEmpty else { return }
        let (statement, parameters) = liftCall(holds)
        _ = try tx.query(statement, parameters)
    }

    /// Lets jobs out of the holds whose time has come: one to find out, or the next window of those that were lifted. Of all
    /// processes only one does it for each hold.
    public static func tendHolds(
        probeInterval: Duration = .seconds(60), in tx: isolated Connection
    ) throws(PostgresError) -> HoldRound {
        var standing: [HoldKey] = []
        var lifted: [HoldKey] = []
        for row in try tx.query(.lockDueHolds) {
            let key = HoldKey(queue: try row.text(0), key: try row.text(1))
            if try row.bool(2) { lifted.append(key) } else { standing.append(key) }
        }
        guard !standing.isEmpty || !lifted.isEmpty else { return HoldRound(released: 0, queues: []) }
        var calls: [(Statement, [Parameter])] = [(.alongIndexes, [])]
        // A new statement sees what was committed before the locks were taken: nobody joins a hold without its lock.
        calls.append((.endEmptyHolds, parameters(standing + lifted)))
        if !standing.isEmpty {
            calls.append((.probeHolds, parameters(standing) + [.int8(probeInterval.wholeMicroseconds)]))
        }
        if !lifted.isEmpty {
            calls.append(
                (
                    .letOut,
                    parameters(lifted) + [
                        .int8(LiftPace.interval.wholeMicroseconds), .int4(LiftPace.widestWindow),
                    ]
                ))
        }
        var round = HoldRound(released: 0, queues: [])
        for (call, rows) in zip(calls, try tx.pipeline(calls)) where call.0 == .probeHolds || call.0 == .letOut {
            for row in rows {
                round.queues.insert(try row.text(0))
                round.released += Int(try row.int8(1))
            }
        }
        return round
    }

    /// Gives held jobs their hold back where somebody has deleted it, so that no job waits for ever.
    static func restoreHolds(in tx: isolated Connection) throws(PostgresError) {
        _ = try tx.pipeline([(.alongIndexes, []), (.restoreHolds, [])])
    }

    /// What ``finish(_:retry:now:probeInterval:in:)`` does to holds.
    static func holdCalls(_ completions: [Completion], _ interval: Duration) -> [(Statement, [Parameter])] {
        var joined: [HoldKey: Completion] = [:]
        var stands: [HoldKey: Completion] = [:]
        var ended: Set<HoldKey> = []
        for completion in completions {
            let queue = completion.lease.queue
            if let hold = completion.hold {
                let key = HoldKey(queue: queue, key: hold.key)
                if hold.stands { stands[key] = completion } else { joined[key] = joined[key] ?? completion }
            } else if let key = completion.ends {
                ended.insert(HoldKey(queue: queue, key: key))
            }
        }
        for key in stands.keys { joined[key] = nil }
        var calls: [(Statement, [Parameter])] = []
        for (statement, holds) in [(Statement.joinHolds, joined), (.keepHolds, stands)] where !holds.isEmpty {
            let sorted = holds.sorted { $0.key < $1.key }
            calls.append(
                (
                    statement,
                    parameters(sorted.map(\.key)) + [
                        .textArray(sorted.map { $0.value.failure?.cause ?? "unknown" }),
                        .textArray(sorted.map { $0.value.failure?.message ?? "" }),
                        .int8Array(sorted.map { ($0.value.hold?.probeAfter ?? interval).wholeMicroseconds }),
                    ]
                ))
        }
        if !ended.isEmpty { calls.append(liftCall(ended)) }
        return calls
    }

    private static func liftCall(_ holds: Set<HoldKey>) -> (Statement, [Parameter]) {
        (.liftHolds, parameters(holds.sorted()) + [.int4(LiftPace.firstWindow)])
    }

    private static func parameters(_ holds: [HoldKey]) -> [Parameter] {
        [.textArray(holds.map(\.queue)), .textArray(holds.map(\.key))]
    }
}

/// What a hold is known by: jobs of one queue that wait for the same thing.
public struct HoldKey: Sendable, Hashable, Comparable {
    public let queue: String
    public let key: String

    public init(queue: String, key: String) {
        self.queue = queue
        self.key = key
    }

    /// The order in which holds are locked: by bytes, as the statements sort them.
    public static func < (left: HoldKey, right: HoldKey) -> Bool {
        left.queue == right.queue
            ? left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
            : left.queue.utf8.lexicographicallyPrecedes(right.queue.utf8)
    }
}

extension Statement {
    /// It always writes the row, if only to hold its lock until the jobs that join are committed: who lets jobs out, or ends
    /// a hold that nobody waits under, must see them.
    fileprivate static let joinHolds = Statement(
        "holds_join",
        """
        INSERT INTO settled.holds (queue, key, cause, reason, next_at)
        SELECT queue, key, cause, reason, now() + wait * interval '1 microsecond'
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            WITH ORDINALITY AS h (queue, key, cause, reason, wait, position)
        ORDER BY position
        ON CONFLICT (queue, key) DO UPDATE SET cause = holds.cause
        """)

    fileprivate static let keepHolds = Statement(
        "holds_keep",
        """
        INSERT INTO settled.holds (queue, key, cause, reason, next_at)
        SELECT queue, key, cause, reason, now() + wait * interval '1 microsecond'
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
            WITH ORDINALITY AS h (queue, key, cause, reason, wait, position)
        ORDER BY position
        ON CONFLICT (queue, key) DO UPDATE
        SET cause = excluded.cause, reason = excluded.reason, next_at = excluded.next_at, lifted_at = NULL, lift_window = NULL
        """)

    fileprivate static let liftHolds = Statement(
        "holds_lift",
        """
        WITH target AS MATERIALIZED (
            SELECT h.queue, h.key FROM settled.holds h
            JOIN unnest($1::text[], $2::text[]) AS l (queue, key) ON h.queue = l.queue AND h.key = l.key
            WHERE h.lifted_at IS NULL
            ORDER BY h.queue COLLATE "C", h.key COLLATE "C" FOR UPDATE OF h
        )
        UPDATE settled.holds h SET lifted_at = now(), lift_window = $3, next_at = now()
        FROM target t WHERE h.queue = t.queue AND h.key = t.key AND h.lifted_at IS NULL
        """)

    fileprivate static let lockDueHolds = Statement(
        "holds_lock_due",
        """
        SELECT queue, key, lifted_at IS NOT NULL FROM settled.holds
        WHERE next_at <= now()
        ORDER BY queue COLLATE "C", key COLLATE "C" LIMIT 100
        FOR UPDATE SKIP LOCKED
        """)

    /// A hold whose last job is out to find out stays until that has answered.
    fileprivate static let endEmptyHolds = Statement(
        "holds_end_empty",
        """
        DELETE FROM settled.holds h
        USING unnest($1::text[], $2::text[]) AS due (queue, key)
        WHERE h.queue = due.queue AND h.key = due.key
          AND NOT EXISTS (SELECT FROM settled.jobs j WHERE j.queue = h.queue AND j.hold_key = h.key)
        """)

    /// The first probe is the first job; each further one is the next after it, and after the last it begins again. What a
    /// job waited here counts for nothing in its retry budget.
    fileprivate static let probeHolds = Statement(
        "holds_probe",
        """
        WITH due AS MATERIALIZED (
            SELECT h.* FROM settled.holds h
            JOIN unnest($1::text[], $2::text[]) AS due (queue, key) ON h.queue = due.queue AND h.key = due.key
        ), picked AS MATERIALIZED (
            SELECT d.queue, d.key, job.id, job.priority
            FROM due d
            CROSS JOIN LATERAL (
                SELECT id, priority
                FROM (
                    (SELECT j.id, j.priority, 0 AS turn
                     FROM settled.jobs j
                     WHERE j.queue = d.queue AND j.hold_key = d.key AND j.state = 'held'
                       AND (j.priority, j.id) > (d.probed_priority, d.probed_id)
                     ORDER BY j.priority, j.id LIMIT 1)
                    UNION ALL
                    (SELECT j.id, j.priority, 1
                     FROM settled.jobs j
                     WHERE j.queue = d.queue AND j.hold_key = d.key AND j.state = 'held'
                     ORDER BY j.priority, j.id LIMIT 1)
                ) AS candidate
                ORDER BY turn LIMIT 1
            ) AS job
        ), moved AS (
            UPDATE settled.jobs j
            SET state = 'ready', ready_order = nextval('settled.job_ready_order'),
                first_attempt_at = j.first_attempt_at + (now() - j.run_at), run_at = now()
            FROM picked p
            WHERE j.id = p.id AND j.state = 'held'
            RETURNING j.queue
        ), noted AS (
            UPDATE settled.holds h
            SET next_at = now() + $3 * interval '1 microsecond',
                probes = h.probes + CASE WHEN p.id IS NULL THEN 0 ELSE 1 END,
                probed_priority = coalesce(p.priority, h.probed_priority), probed_id = coalesce(p.id, h.probed_id)
            FROM due d LEFT JOIN picked p ON p.queue = d.queue AND p.key = d.key
            WHERE h.queue = d.queue AND h.key = d.key
        )
        SELECT queue, count(*) FROM moved GROUP BY queue
        """)

    /// Numbers are drawn in the order in which the jobs are to be claimed, before the update, which keeps none.
    fileprivate static let letOut = Statement(
        "holds_let_out",
        """
        WITH due AS MATERIALIZED (
            SELECT h.queue, h.key, h.lift_window,
                   (SELECT count(*) FROM settled.jobs j
                    WHERE j.queue = h.queue AND j.hold_key = h.key AND j.state IN ('ready', 'running')) AS out
            FROM settled.holds h
            JOIN unnest($1::text[], $2::text[]) AS due (queue, key) ON h.queue = due.queue AND h.key = due.key
        ), picked AS MATERIALIZED (
            SELECT job.id, job.priority
            FROM due d
            CROSS JOIN LATERAL (
                SELECT j.id, j.priority
                FROM settled.jobs j
                WHERE j.queue = d.queue AND j.hold_key = d.key AND j.state = 'held'
                ORDER BY j.priority, j.id
                LIMIT greatest(d.lift_window - d.out, 0)
            ) AS job
        ), numbered AS MATERIALIZED (
            SELECT id, nextval('settled.job_ready_order') AS ready_order
            FROM (SELECT id FROM picked ORDER BY priority, id) AS sorted
        ), moved AS (
            UPDATE settled.jobs j
            SET state = 'ready', ready_order = n.ready_order,
                first_attempt_at = j.first_attempt_at + (now() - j.run_at), run_at = now()
            FROM numbered n
            WHERE j.id = n.id AND j.state = 'held'
            RETURNING j.queue
        ), noted AS (
            UPDATE settled.holds h
            SET next_at = now() + $3 * interval '1 microsecond',
                lift_window = CASE WHEN d.out * 4 <= h.lift_window THEN least(h.lift_window * 2, $4) ELSE h.lift_window END
            FROM due d
            WHERE h.queue = d.queue AND h.key = d.key
        )
        SELECT queue, count(*) FROM moved GROUP BY queue
        """)

    fileprivate static let restoreHolds = Statement(
        "holds_restore",
        """
        INSERT INTO settled.holds (queue, key, cause, reason, next_at)
        SELECT DISTINCT ON (j.queue, j.hold_key) j.queue, j.hold_key, j.cause, j.message, now()
        FROM settled.jobs j
        WHERE j.state = 'held' AND j.hold_key IS NOT NULL
          AND NOT EXISTS (SELECT FROM settled.holds h WHERE h.queue = j.queue AND h.key = j.hold_key)
        ON CONFLICT DO NOTHING
        """)
}
