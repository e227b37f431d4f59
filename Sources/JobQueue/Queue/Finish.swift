import Postgres

extension JobQueue {
    /// Locks the jobs whose leases are live, in the order of their ids, until the transaction ends.
    ///
    /// - Returns: those leases, in that order, and the database's time. A lease that is missing is stale: another claim, a
    ///   rescue or a person has taken the job, and its holder must write nothing for it.
    public static func lockLive(
        _ leases: [Lease], in tx: isolated Connection
    ) throws(PostgresError) -> (live: [Lease], now: Timestamp) {
        let results = try tx.pipeline([
            (.alongIndexes, []), (.lock, [.int8Array(leases.map(\.jobID).sorted())]), (.anyPlan, []), (.clock, []),
        ])
        let byID = Dictionary(leases.map { ($0.jobID, $0) }, uniquingKeysWith: { $0.epoch > $1.epoch ? $0 : $1 })
        var live: [Lease] = []
        for row in results[1] {
            guard var lease = byID[try row.int8(0)], lease.epoch == (try row.int8(1)) else { continue }
            lease.place = try row.tid(2)
            live.append(lease)
        }
        guard let now = try results[3].first?.timestamptz(0) else {
            throw PostgresError(.protocolViolation, "the server did not tell its time", statement: Statement.clock.name)
        }
        return (live, now)
    }

    /// Completes jobs that ``lockLive(_:in:)`` has locked in this transaction, each as its disposition says.
    ///
    /// - Parameter finished: with the leases that it returned.
    /// - Parameter probeInterval: how long a hold lasts before a job is let out of it, where the disposition does not say.
    public static func finish(
        _ finished: [(lease: Lease, disposition: Disposition)], retry policy: RetryPolicy = RetryPolicy(),
        now: Timestamp, probeInterval: Duration = .seconds(60),
        in tx: isolated Connection
    ) throws {
        var random = SystemRandomNumberGenerator()
        try finish(
            finished.map { Completion($0.lease, $0.disposition, retry: policy, now: now, using: &random) },
            probeInterval: probeInterval, in: tx)
    }

    static func finish(
        _ completions: [Completion], probeInterval: Duration = .seconds(60), in tx: isolated Connection
    ) throws {
        var calls: [(Statement, [Parameter])] = [(.alongIndexes, [])]
        let ended = completions.filter { if case .end = $0.change { true } else { false } }
        let putBack = completions.filter { if case .putBack = $0.change { true } else { false } }
        let noted = completions.filter { $0.attempt != nil }
        if !ended.isEmpty {
            let places = Parameter.tidArray(ended.map(\.lease.place))
            calls.append((.keepEnded, endParameters(ended) + [places]))
            calls.append((.removeEnded, [places]))
        }
        if !putBack.isEmpty { calls.append((.putBack, putBackParameters(putBack))) }
        if !noted.isEmpty { calls.append((.noteAttempts, attemptParameters(noted))) }
        calls += holdCalls(completions, probeInterval)
        calls.append((.anyPlan, []))
        let results = try tx.pipeline(calls)
        for (call, rows) in zip(calls, results) {
            let expected: Int
            switch call.0 {
            case .keepEnded, .removeEnded: expected = ended.count
            case .putBack: expected = putBack.count
            default: continue
            }
            guard rows.affected == expected else {
                throw JobQueueError(
                    code: .leaseVanished,
                    message: "\(expected) locked jobs were to be completed, \(rows.affected) were found")
            }
        }
    }

    private static func endParameters(_ ended: [Completion]) -> [Parameter] {
        var states: [String?] = []
        var outcomes: [String?] = []
        var notes: [String?] = []
        for completion in ended {
            guard case .end(let state, let outcome, let note) = completion.change else { continue }
            states.append(state)
            outcomes.append(outcome)
            notes.append(note)
        }
        return fence(ended.map(\.lease)) + [
            .textArray(states), .textArray(outcomes), .textArray(notes), .textArray(ended.map { $0.failure?.cause }),
            .textArray(ended.map { $0.failure?.message }),
        ]
    }

    private static func putBackParameters(_ putBack: [Completion]) -> [Parameter] {
        var states: [String?] = []
        var delays: [Int64?] = []
        var spent: [Int32?] = []
        var notes: [String?] = []
        for completion in putBack {
            guard case .putBack(let state, let delay, let spends, let note) = completion.change else { continue }
            states.append(state)
            delays.append(delay?.wholeMicroseconds)
            spent.append(spends ? 1 : 0)
            notes.append(note)
        }
        return fence(putBack.map(\.lease)) + [
            .textArray(states), .int8Array(delays), .int4Array(spent), .textArray(notes),
            .textArray(putBack.map { $0.failure?.cause }), .textArray(putBack.map { $0.failure?.message }),
            .textArray(putBack.map { $0.hold?.key }),
        ]
    }

    private static func attemptParameters(_ noted: [Completion]) -> [Parameter] {
        var messages: [String?] = []
        for completion in noted {
            switch completion.change {
            case .end(_, _, let note), .putBack(_, _, _, let note): messages.append(completion.failure?.message ?? note)
            }
        }
        return fence(noted.map(\.lease)) + [
            .int8Array(noted.map(\.lease.worker)), .textArray(noted.map(\.attempt)),
            .textArray(noted.map { $0.failure?.cause }), .textArray(messages),
        ]
    }
}

extension Statement {
    /// The ids come sorted, and a nested loop keeps their order: so two transactions wait for each other instead of
    /// deadlocking.
    fileprivate static let lock = Statement(
        "jobs_lock",
        """
        SELECT job.id, job.lease_epoch, job.place
        FROM unnest($1::bigint[]) AS wanted (id)
        CROSS JOIN LATERAL (
            SELECT l.id, l.lease_epoch, l.ctid AS place FROM settled.jobs l
            WHERE l.id = wanted.id AND l.state || '' = 'running'
            LIMIT 1
            FOR UPDATE
        ) AS job
        """)

    /// Finds the rows of `lease (id, epoch)` whose leases live, as `live (place)`: one look along the primary key for each.
    ///
    /// Written as a join on the id alone, the planner may instead read the whole primary key and filter: after an ANALYZE at a
    /// moment when hardly a job waits, it takes each look for as dear as the entries that vacuum has not removed
    /// yet. While an old snapshot is held those are millions, and a completion of 500 jobs took three seconds. A subquery with a
    /// LIMIT is carried out once for each lease. `state || ''` keeps the planner off the partial indexes, which it takes
    /// for nearly empty and which are as full.
    ///
    /// What writes to `j.ctid = live.place` must fence `j` itself too: if the row is not locked, it may have changed since.
    static let liveRows = liveRows(locked: "")

    /// - Parameter locked: how each row is locked as it is found.
    static func liveRows(locked: String) -> String {
        """
        CROSS JOIN LATERAL (
            SELECT l.ctid AS place FROM settled.jobs l
            WHERE l.id = lease.id AND l.lease_epoch = lease.epoch AND l.state || '' = 'running'
            LIMIT 1
            \(locked)
        ) AS live
        """
    }

    static let isLive = "j.ctid = live.place AND j.lease_epoch = lease.epoch AND j.state || '' = 'running'"

    fileprivate static let clock = Statement("jobs_clock", "SELECT clock_timestamp()")

    /// What has ended is copied, then removed. One statement for both, which deletes and inserts what that returns, costs half
    /// as much again: it keeps every row in between. The rows are locked since ``lock`` told where they lie, so both statements
    /// mean the same rows; whether it was all of them their numbers tell.
    fileprivate static let keepEnded = Statement(
        "jobs_keep_ended",
        """
        INSERT INTO settled.job_history
            (id, run_at, created_at, first_attempt_at, lease_epoch, lease_owner, attempt, priority, crashes, state, queue, kind,
             subject, unique_key, outcome, cause, message, note, args)
        SELECT j.id, j.run_at, j.created_at, j.first_attempt_at, j.lease_epoch, j.lease_owner, j.attempt, j.priority,
               j.crashes, lease.state, j.queue, j.kind, j.subject, j.unique_key, lease.outcome, lease.cause, lease.message,
               lease.note, j.args
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::tid[])
            AS lease (id, epoch, state, outcome, note, cause, message, place)
        CROSS JOIN LATERAL (
            SELECT * FROM settled.jobs l
            WHERE l.ctid = lease.place AND l.id = lease.id AND l.lease_epoch = lease.epoch AND l.state || '' = 'running'
            LIMIT 1
        ) AS j
        """)

    fileprivate static let removeEnded = Statement(
        "jobs_remove_ended", "DELETE FROM settled.jobs j WHERE j.ctid = ANY ($1::tid[]) AND j.state || '' = 'running'")

    /// An answer clears the suspicion: this time the job did not bring its worker down.
    fileprivate static let putBack = Statement(
        "jobs_put_back",
        """
        UPDATE settled.jobs j
        SET state = lease.state,
            run_at = CASE WHEN lease.delay IS NULL THEN j.run_at ELSE now() + lease.delay * interval '1 microsecond' END,
            attempt = j.attempt + lease.spent, note = lease.note, cause = coalesce(lease.cause, j.cause),
            message = coalesce(lease.message, j.message), hold_key = lease.hold_key,
            started = false, suspect = false, lease_owner = NULL, lease_expires_at = NULL
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::text[],
                    $9::text[])
            AS lease (id, epoch, state, delay, spent, note, cause, message, hold_key)
        \(liveRows)
        WHERE \(isLive)
        """)

    fileprivate static let noteAttempts = Statement(
        "job_attempts_note",
        """
        INSERT INTO settled.job_attempts (job_id, lease_epoch, worker, disposition, cause, message)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
        ON CONFLICT DO NOTHING
        """)
}
