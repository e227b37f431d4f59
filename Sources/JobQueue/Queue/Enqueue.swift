import Postgres

/// The operations that programs do on the queue, each a named statement: enqueue here, then claim, finish, rescue in their files.
///
/// Every function runs on the connection that it is given and inside the transaction that is open there, if any.
public enum JobQueue {
    /// Stores jobs with the caller's own writes: the transaction that commits them commits the jobs.
    ///
    /// Call ``JobSignal/send(queue:)`` after the commit; without it the jobs are found by polling.
    /// - Returns: one entry for each job, in the order given. Of several with one key in one call the first is new.
    /// - Throws: ``PostgresError``; a transient one when the holder of a key kept vanishing while it was looked up.
    public static func enqueue(_ jobs: [NewJob], in tx: isolated Connection) throws(PostgresError) -> [Enqueued] {
        try enqueue(jobs, followedBy: [], in: tx)
    }

    /// - Parameter followers: run behind the commit, where the statement commits itself; see ``JobSignal/enqueue(_:on:)``.
    static func enqueue(
        _ jobs: [NewJob], followedBy followers: [(Statement, [Parameter])], in tx: isolated Connection
    ) throws(PostgresError) -> [Enqueued] {
        guard !jobs.isEmpty else { return [] }
        if jobs.allSatisfy({ $0.uniqueKey == nil }) {
            return try insertWithoutKeys(jobs, followedBy: followers, in: tx)
        }
        var result = [Enqueued?](repeating: nil, count: jobs.count)
        var open = Array(jobs.indices)
        // A holder can end between the conflict and the look-up; then its key is free and the insert is tried again.
        for _ in 0..<3 {
            let asked = open.map { jobs[$0] }
            let parameters = parameters(asked) + [.textArray(asked.map(\.uniqueKey))]
            for row in try tx.query(.insert, parameters, followedBy: followers) where try row.bool("is_new") {
                let index = open[Int(try row.int8("position")) - 1]
                result[index] = Enqueued(jobID: try row.int8("id"), isNew: true)
            }
            open.removeAll { result[$0] != nil }
            guard !open.isEmpty else { break }
            let keys = open.compactMap { jobs[$0].uniqueKey }
            var holders: [String: Int64] = [:]
            for row in try tx.query(.holders, [.textArray(keys)]) {
                holders[try row.text("unique_key")] = try row.int8("id")
            }
            for index in open {
                if let holder = jobs[index].uniqueKey.flatMap({ holders[$0] }) {
                    result[index] = Enqueued(jobID: holder, isNew: false)
                }
            }
            open.removeAll { result[$0] != nil }
            guard !open.isEmpty else { break }
        }
        guard open.isEmpty else {
            throw PostgresError(
                .server, "the holders of \(open.count) unique keys are not visible to this transaction; repeat it",
                statement: Statement.holders.name, isTransient: true)
        }
        return result.compactMap { $0 }
    }

    /// Jobs that nothing can stand in the way of, in a plain INSERT: half the server's work.
    private static func insertWithoutKeys(
        _ jobs: [NewJob], followedBy followers: [(Statement, [Parameter])], in tx: isolated Connection
    ) throws(PostgresError) -> [Enqueued] {
        let (insert, parameters) = insertion(of: jobs)
        let rows = try tx.query(insert, parameters, followedBy: followers)
        guard rows.count == jobs.count else {
            throw PostgresError(
                .protocolViolation, "\(jobs.count) jobs were to be stored, \(rows.count) were", statement: insert.name)
        }
        var ids: [Int64] = []
        for row in rows { ids.append(try row.int8(0)) }
        // The server draws them in the order of the input, and returns them in an order that it does not promise.
        return ids.sorted().map { Enqueued(jobID: $0, isNew: true) }
    }

    /// Most batches are many of one sort, to be run now: what they share is said once.
    private static func insertion(of jobs: [NewJob]) -> (Statement, [Parameter]) {
        guard let first = jobs.first, jobs.allSatisfy(first.isLike) else {
            return (.insertWithoutKeys, parameters(jobs))
        }
        return (
            .insertAlike,
            [
                .text(first.queue), .text(first.kind), .int2(first.priority.rawValue), .jsonbArray(jobs.map(\.args)),
                .textArray(jobs.map(\.subject)),
            ]
        )
    }

    /// All but the keys.
    private static func parameters(_ jobs: [NewJob]) -> [Parameter] {
        [
            .textArray(jobs.map(\.queue)),
            .textArray(jobs.map(\.kind)),
            .jsonbArray(jobs.map(\.args)),
            .int2Array(jobs.map(\.priority.rawValue)),
            .textArray(jobs.map(\.subject)),
            .timestamptzArray(jobs.map { if case .at(let time) = $0.start { time } else { nil } }),
            .int8Array(jobs.map { if case .after(let delay) = $0.start { delay.wholeMicroseconds } else { 0 } }),
        ]
    }
}

extension NewJob {
    /// Whether `other` differs in arguments and subject alone, and both are to be run now.
    fileprivate func isLike(_ other: NewJob) -> Bool {
        start == .now && other.start == .now && queue == other.queue && kind == other.kind && priority == other.priority
    }
}

extension Statement {
    /// Ids are drawn first, because RETURNING cannot tell which input a row came from. Keys are inserted in their
    /// order, so that two transactions with the same keys wait for each other instead of deadlocking.
    fileprivate static let insert = Statement(
        "jobs_enqueue",
        """
        WITH new AS MATERIALIZED (
            SELECT nextval('settled.jobs_id_seq') AS id, n.*, coalesce(n.at, now() + n.delay * interval '1 microsecond') AS run_at
            FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::smallint[], $5::text[], $6::timestamptz[], $7::bigint[], $8::text[])
                WITH ORDINALITY AS n (queue, kind, args, priority, subject, at, delay, unique_key, position)
        ), inserted AS (
            INSERT INTO settled.jobs (id, queue, kind, args, priority, subject, unique_key, run_at, state) OVERRIDING SYSTEM VALUE
            SELECT id, queue, kind, args, priority, subject, unique_key, run_at,
                   CASE WHEN run_at > now() THEN 'scheduled' ELSE 'ready' END
            FROM new
            ORDER BY unique_key NULLS FIRST, position
            ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
            RETURNING id
        )
        SELECT new.position, new.id, inserted.id IS NOT NULL AS is_new
        FROM new LEFT JOIN inserted ON inserted.id = new.id
        ORDER BY new.position
        """)

    fileprivate static let insertWithoutKeys = Statement(
        "jobs_enqueue_without_keys",
        """
        INSERT INTO settled.jobs (queue, kind, args, priority, subject, run_at, state)
        SELECT n.queue, n.kind, n.args, n.priority, n.subject, coalesce(n.at, now() + n.delay * interval '1 microsecond'),
               CASE WHEN coalesce(n.at, now() + n.delay * interval '1 microsecond') > now() THEN 'scheduled' ELSE 'ready' END
        FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::smallint[], $5::text[], $6::timestamptz[], $7::bigint[])
            AS n (queue, kind, args, priority, subject, at, delay)
        RETURNING id
        """)

    /// Ready is what a job is that says nothing else.
    fileprivate static let insertAlike = Statement(
        "jobs_enqueue_alike",
        """
        INSERT INTO settled.jobs (queue, kind, priority, args, subject)
        SELECT $1::text, $2::text, $3::smallint, n.args, n.subject
        FROM unnest($4::jsonb[], $5::text[]) AS n (args, subject)
        RETURNING id
        """)

    fileprivate static let holders = Statement(
        "jobs_key_holders", "SELECT unique_key, id FROM settled.jobs WHERE unique_key = ANY ($1::text[])")
}
