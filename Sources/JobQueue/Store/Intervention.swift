import Postgres

/// What an intervention did, or would do, to one job.
public struct Intervention: Sendable, Hashable {
    public enum Result: Sendable, Hashable {
        /// It is in its new state; in a dry run: it would be.
        case changed
        /// Its state does not allow it.
        case refused(JobState)
        /// Another live job holds its unique key.
        case keyTaken
        /// There is no such job, or none any more.
        case unknown
    }

    public let jobID: Int64
    /// nil only when the job is unknown.
    public let queue: String?
    public let result: Result
}

/// Who intervenes and why; kept with what was done.
public struct Actor: Sendable, Hashable {
    public let name: String
    public let reason: String

    public init(_ name: String, reason: String) {
        self.name = JobText.word(name)
        self.reason = JobText.sentence(reason)
    }
}

extension JobStore {
    /// What a person may do to a job.
    enum Act {
        case replay, cancel, quarantine
        case resolve(outcome: String)

        var allowed: Set<JobState> {
            switch self {
            case .replay: [.held, .quarantined, .failed, .cancelled]
            case .cancel: [.ready, .scheduled, .retrying, .held, .quarantined]
            case .quarantine: [.ready, .scheduled, .retrying, .held]
            case .resolve: [.quarantined]
            }
        }

        func call(_ ids: [Int64], by actor: Actor) -> (Statement, [Parameter]) {
            let common: [Parameter] = [.int8Array(ids), .text(actor.name), .text(actor.reason)]
            let states = Parameter.textArray(allowed.map(\.rawValue).sorted())
            return switch self {
            case .replay: (.replay, common)
            case .quarantine: (.quarantineByHand, common + [states])
            case .cancel: (.endByHand, common + [states, .text("cancel"), .text("cancelled"), .null])
            case .resolve(let outcome):
                (.endByHand, common + [states, .text("resolve"), .text("done"), .text(JobText.word(outcome))])
            }
        }
    }

    /// Makes jobs ready again that failed, were quarantined or were cancelled; a held one is let out of its hold, to find out
    /// whether the cause has passed.
    ///
    /// A replayed job keeps its id and its history; its retry budget begins anew, and its lease epoch goes on counting, so
    /// that no late writer of an earlier claim can touch it. Call ``JobSignal/send(queue:)`` afterwards.
    /// - Returns: one entry for each id, in the order given.
    public static func replay(
        _ ids: [Int64], by actor: Actor, dryRun: Bool = false, on connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        try act(.replay, on: ids, by: actor, dryRun: dryRun, connection)
    }

    /// Replays the jobs that match, the newest first, at most `limit` of them.
    public static func replay(
        _ filter: JobFilter, limit: Int = 1_000, by actor: Actor, dryRun: Bool = false,
        on connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        let states = filter.state.map { [$0] } ?? [JobState.quarantined, .failed, .cancelled]
        var ids: [Int64] = []
        for state in states where ids.count < limit {
            var one = filter
            one.state = state
            ids += try list(one, limit: limit - ids.count, on: connection).map(\.id)
        }
        return try replay(ids, by: actor, dryRun: dryRun, on: connection)
    }

    /// Ends jobs that are not wanted: ready, scheduled, retrying, held or quarantined ones. A running one is refused: what it does
    /// just now cannot be undone by forgetting it.
    public static func cancel(
        _ ids: [Int64], by actor: Actor, dryRun: Bool = false, on connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        try act(.cancel, on: ids, by: actor, dryRun: dryRun, connection)
    }

    /// Ends quarantined jobs with a person's verdict as their outcome, such as `accepted` or `dismissed`.
    public static func resolve(
        _ ids: [Int64], as outcome: String, by actor: Actor, dryRun: Bool = false, on connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        try act(.resolve(outcome: outcome), on: ids, by: actor, dryRun: dryRun, connection)
    }

    /// Sets jobs aside for a person: ready, scheduled, retrying or held ones, with the cause `by_hand`.
    public static func quarantine(
        _ ids: [Int64], by actor: Actor, dryRun: Bool = false, on connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        try act(.quarantine, on: ids, by: actor, dryRun: dryRun, connection)
    }

    private static func act(
        _ act: Act, on ids: [Int64], by actor: Actor, dryRun: Bool, _ connection: isolated Connection
    ) throws(PostgresError) -> [Intervention] {
        guard !ids.isEmpty else { return [] }
        var changed: [Int64: String] = [:]
        if !dryRun {
            let (statement, parameters) = act.call(ids, by: actor)
            for row in try connection.query(statement, parameters) { changed[try row.int8(0)] = try row.text(1) }
        }
        var others: [Int64: Intervention] = [:]
        let rest = ids.filter { changed[$0] == nil }
        if !rest.isEmpty {
            for row in try connection.query(.standing, [.int8Array(rest)]) {
                let id = try row.int8(0)
                let state = try JobState(rawValue: row.text(2)) ?? .done
                let result: Intervention.Result =
                    if !act.allowed.contains(state) {
                        .refused(state)
                    } else if try row.bool(3) {
                        .keyTaken
                    } else {
                        // It would be changed, or somebody else has brought it to this state since.
                        dryRun ? .changed : .refused(state)
                    }
                others[id] = Intervention(jobID: id, queue: try row.text(1), result: result)
            }
        }
        return ids.map { id in
            if let queue = changed[id] { return Intervention(jobID: id, queue: queue, result: .changed) }
            return others[id] ?? Intervention(jobID: id, queue: nil, result: .unknown)
        }
    }
}

extension Statement {
    /// Ended jobs are inserted before they are deleted: one whose key is taken stays where it is.
    fileprivate static let replay = Statement(
        "jobs_replay",
        """
        WITH waiting AS MATERIALIZED (
            SELECT id, state, cause FROM settled.jobs
            WHERE id = ANY ($1::bigint[]) AND state IN ('held', 'quarantined')
            ORDER BY id FOR UPDATE
        ), readied AS (
            UPDATE settled.jobs j
            SET state = 'ready', ready_order = nextval('settled.job_ready_order'), run_at = now(), first_attempt_at = NULL,
                attempt = 0, crashes = 0, suspect = false
            FROM waiting w WHERE j.id = w.id
            RETURNING j.id, j.queue, w.state AS from_state, w.cause
        ), ended AS MATERIALIZED (
            SELECT * FROM settled.job_history
            WHERE id = ANY ($1::bigint[]) AND state IN ('failed', 'cancelled')
            ORDER BY id FOR UPDATE
        ), revived AS (
            INSERT INTO settled.jobs
                (id, created_at, lease_epoch, priority, queue, kind, subject, unique_key, cause, message, note, args)
                OVERRIDING SYSTEM VALUE
            SELECT id, created_at, lease_epoch, priority, queue, kind, subject, unique_key, cause, message, note, args
            FROM ended
            ON CONFLICT DO NOTHING
            RETURNING id
        ), removed AS (
            DELETE FROM settled.job_history h USING revived r WHERE h.id = r.id
            RETURNING h.id, h.queue, h.state AS from_state, h.cause
        ), changed AS (
            SELECT * FROM readied UNION ALL SELECT * FROM removed
        ), noted AS (
            INSERT INTO settled.job_events (job_id, queue, action, actor, reason, from_state, to_state, cause)
            SELECT id, queue, 'replay', $2, $3, from_state, 'ready', cause FROM changed
        )
        SELECT id, queue FROM changed
        """)

    fileprivate static let endByHand = Statement(
        "jobs_end_by_hand",
        """
        WITH target AS MATERIALIZED (
            SELECT id FROM settled.jobs
            WHERE id = ANY ($1::bigint[]) AND state = ANY ($4::text[])
            ORDER BY id FOR UPDATE
        ), gone AS (
            DELETE FROM settled.jobs j USING target t WHERE j.id = t.id
            RETURNING j.*
        ), ended AS (
            INSERT INTO settled.job_history
                (id, run_at, created_at, first_attempt_at, lease_epoch, attempt, priority, crashes, state, queue, kind, subject,
                 unique_key, outcome, cause, message, note, args)
            SELECT id, run_at, created_at, first_attempt_at, lease_epoch, attempt, priority, crashes, $6, queue, kind, subject,
                   unique_key, $7, cause, message, $3, args
            FROM gone
        ), noted AS (
            INSERT INTO settled.job_events (job_id, queue, action, actor, reason, from_state, to_state, cause)
            SELECT id, queue, $5, $2, $3, state, $6, cause FROM gone
        )
        SELECT id, queue FROM gone
        """)

    fileprivate static let quarantineByHand = Statement(
        "jobs_quarantine_by_hand",
        """
        WITH target AS MATERIALIZED (
            SELECT id, state, cause FROM settled.jobs
            WHERE id = ANY ($1::bigint[]) AND state = ANY ($4::text[])
            ORDER BY id FOR UPDATE
        ), changed AS (
            UPDATE settled.jobs j SET state = 'quarantined', hold_key = NULL, suspect = false, cause = 'by_hand', message = $3
            FROM target t WHERE j.id = t.id
            RETURNING j.id, j.queue, t.state, t.cause
        ), noted AS (
            INSERT INTO settled.job_events (job_id, queue, action, actor, reason, from_state, to_state, cause)
            SELECT id, queue, 'quarantine', $2, $3, state, 'quarantined', cause FROM changed
        )
        SELECT id, queue FROM changed
        """)

    fileprivate static let standing = Statement(
        "jobs_standing",
        """
        SELECT l.id, l.queue, l.state,
               EXISTS (SELECT FROM settled.jobs j WHERE j.unique_key = l.unique_key AND j.id <> l.id)
        FROM settled.job_list l WHERE l.id = ANY ($1::bigint[])
        """)
}
