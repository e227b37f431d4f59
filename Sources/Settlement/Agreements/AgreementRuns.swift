import JobQueue
import Postgres

/// Begins runs, queues their checks and ends them. Everything about a run is in its row, so whoever comes next goes on where
/// a killed process stopped.
public struct AgreementRuns: Sendable {
    /// A run and how far it has come.
    public struct Progress: Sendable, Hashable {
        public let id: Int64
        public let startedAt: Timestamp
        public let requestedBy: String
        /// Checks that were queued; final when `isQueued`.
        public let queued: Int64
        public let isQueued: Bool
        /// Agreements of which something is known now, and what.
        public let outcomes: [AgreementOutcome: Int64]
        public let finishedAt: Timestamp?

        public var checked: Int64 { outcomes.values.reduce(0, +) }
        public var findings: Int64 { (outcomes[.differs] ?? 0) + (outcomes[.missingAtAlipay] ?? 0) }
    }

    /// Jobs made in one transaction.
    static let part: Int64 = 5_000

    public let appID: String
    private let pool: Pool
    private let lane: Lane

    public init(appID: String, pool: Pool, lane: Lane = FeedReader.lane) {
        self.appID = appID
        self.pool = pool
        self.lane = lane
    }

    // MARK: Beginning

    static let beginManual = Statement(
        "agreement_runs.begin",
        """
        INSERT INTO settled.agreement_runs (app_id, requested_by) VALUES ($1, $2)
        ON CONFLICT (app_id) WHERE finished_at IS NULL DO NOTHING RETURNING id
        """)
    static let open = Statement(
        "agreement_runs.open", "SELECT id FROM settled.agreement_runs WHERE app_id = $1 AND finished_at IS NULL")

    /// The open run, or a new one.
    public func begin(by actor: String) async throws -> (id: Int64, isNew: Bool) {
        for _ in 0..<5 {
            if let row = try await pool.query(lane, Self.beginManual, [.text(appID), .text(actor)]).first {
                return (try row.int8("id"), true)
            }
            // It can end between the two statements; then the next turn begins a new one.
            if let row = try await pool.query(lane, Self.open, [.text(appID)]).first {
                return (try row.int8("id"), false)
            }
        }
        throw PostgresError(.server, "runs of app \(appID) begin and end too quickly", isTransient: true)
    }

    /// The day's run is begun by the first process to notice that it is time, by the database's clock in China's zone; the
    /// row of the day keeps all others, and the same one after a restart, from beginning it again. A run that is still open
    /// takes the place of the day's.
    static let beginDaily = Statement(
        "agreement_runs.begin_daily",
        """
        INSERT INTO settled.agreement_runs (app_id, day, requested_by)
        SELECT $1, china.now::date, 'daily'
        FROM (SELECT now() AT TIME ZONE 'Asia/Shanghai' AS now) AS china
        WHERE china.now::time >= make_time($2::int4, $3::int4, 0)
          AND NOT EXISTS (SELECT FROM settled.agreement_runs r WHERE r.app_id = $1 AND r.day = china.now::date)
          AND NOT EXISTS (SELECT FROM settled.agreement_runs r WHERE r.app_id = $1 AND r.finished_at IS NULL)
          AND EXISTS (SELECT FROM settled.agreements a WHERE a.app_id = $1)
        ON CONFLICT DO NOTHING RETURNING id
        """)

    /// - Returns: the new run; nil when it is not time, or somebody else has begun it.
    func beginDaily(hour: Int, minute: Int) async throws -> Int64? {
        try await pool.query(
            lane, Self.beginDaily, [.text(appID), .int4(Int32(hour)), .int4(Int32(minute))]
        ).first?.int8("id")
    }

    // MARK: Queueing

    static let lockRun = Statement(
        "agreement_runs.lock",
        "SELECT queued_to, queued_at IS NOT NULL AS is_queued FROM settled.agreement_runs WHERE id = $1 FOR UPDATE")
    /// The plain-SQL way of enqueueing, as docs/jobqueue.md promises it. Lowest priority: nobody waits for a check.
    static let queue = Statement(
        "agreement_runs.queue",
        """
        WITH next AS MATERIALIZED (
            SELECT * FROM settled.agreements WHERE app_id = $2 AND id > $3 ORDER BY id LIMIT $4
        ), queued AS (
            INSERT INTO settled.jobs (queue, kind, priority, subject, unique_key, args)
            SELECT 'agreements', 'agreement_check', 3, coalesce(agreement_id, bill_key), 'agreement:' || id,
                   jsonb_strip_nulls(jsonb_build_object(
                       'run', $1::int8, 'agreement', id, 'user_id', user_id, 'agreement_id', agreement_id,
                       'biz_type', biz_type, 'sub_biz_type', sub_biz_type, 'charge_inst', charge_inst,
                       'bill_key', bill_key))
            FROM next ORDER BY id
            ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
            RETURNING 1
        )
        UPDATE settled.agreement_runs r
        SET queued_to = coalesce((SELECT max(id) FROM next), r.queued_to),
            queued = r.queued + (SELECT count(*) FROM queued),
            queued_at = CASE WHEN (SELECT count(*) FROM next) < $4 THEN now() END
        WHERE r.id = $1
        RETURNING queued_at IS NOT NULL AS is_queued
        """)

    /// Makes the jobs that the run still lacks, part by part. Several processes may do so at once: they take turns.
    public func queueChecks(of run: Int64) async throws {
        var isDone = false
        while !isDone {
            isDone = try await pool.transaction(lane) { [appID] tx in
                guard let row = try tx.query(Self.lockRun, [.int8(run)]).first, try !row.bool("is_queued") else {
                    return true
                }
                let parameters: [Parameter] = [
                    .int8(run), .text(appID), .int8(try row.int8("queued_to")), .int8(Self.part),
                ]
                return try tx.query(Self.queue, parameters).first?.bool("is_queued") ?? true
            }
            try await pool.withConnection(lane) { try await JobSignal.announce([AgreementCheckJob.queue], on: $0) }
        }
    }

    // MARK: Ending

    static let finish = Statement(
        "agreement_runs.finish",
        """
        UPDATE settled.agreement_runs r SET finished_at = now()
        WHERE r.app_id = $1 AND r.finished_at IS NULL AND r.queued_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM settled.jobs j WHERE j.queue = 'agreements' AND j.state <> 'quarantined'
                          AND (j.args->>'run')::int8 = r.id)
        """)

    /// Ends the open run when none of its jobs is left.
    public func finishIfDone() async throws { _ = try await pool.query(lane, Self.finish, [.text(appID)]) }

    static let progress = Statement(
        "agreement_runs.progress",
        """
        SELECT r.id, r.started_at, r.requested_by, r.queued, r.queued_at IS NOT NULL AS is_queued, r.finished_at, c.*
        FROM settled.agreement_runs r,
             LATERAL (SELECT count(*) FILTER (WHERE outcome = 'equal') AS equal,
                             count(*) FILTER (WHERE outcome = 'differs') AS differs,
                             count(*) FILTER (WHERE outcome = 'missing_at_alipay') AS missing_at_alipay,
                             count(*) FILTER (WHERE outcome = 'undecided') AS undecided
                      FROM settled.agreement_checks k WHERE k.run_id = r.id) AS c
        WHERE r.app_id = $1 AND ($2::int8 IS NULL OR r.id = $2)
        ORDER BY r.id DESC LIMIT $3
        """)

    /// A run, or the newest ones.
    public func progress(of run: Int64? = nil, limit: Int64 = 1) async throws -> [Progress] {
        try await pool.query(lane, Self.progress, [.text(appID), .optional(run), .int8(limit)]).map { row in
            var outcomes: [AgreementOutcome: Int64] = [:]
            for outcome in AgreementOutcome.allCases { outcomes[outcome] = try row.int8(outcome.rawValue) }
            return Progress(
                id: try row.int8("id"), startedAt: try row.timestamptz("started_at"),
                requestedBy: try row.text("requested_by"), queued: try row.int8("queued"),
                isQueued: try row.bool("is_queued"), outcomes: outcomes,
                finishedAt: try row.timestamptzOrNil("finished_at"))
        }
    }
}
