import Postgres
import Settlement

/// Reads how the jobs of the breaker drill stand.
struct BreakerDrillLedger: Sendable {
    let pool: Pool

    struct Standing: Sendable, Hashable {
        var ready = 0
        var running = 0
        var held = 0
        /// In any other state that has not ended.
        var waiting = 0
        var done = 0
        var settled = 0
        /// Attempts that were spent, of all jobs together.
        var attempts = 0
        /// Jobs that were let out to find out.
        var probes = 0

        var isQuiet: Bool { ready == 0 && running == 0 && held == 0 && waiting == 0 }
    }

    static let standing = Statement(
        "drill.breaker_standing",
        """
        SELECT count(*) FILTER (WHERE state = 'ready') AS ready, count(*) FILTER (WHERE state = 'running') AS running,
               count(*) FILTER (WHERE state = 'held') AS held,
               count(*) FILTER (WHERE state IN ('scheduled', 'retrying')) AS waiting,
               (SELECT count(*) FROM settled.job_history WHERE state = 'done') AS done,
               (SELECT count(DISTINCT trade_no) FROM settled.settlements) AS settled,
               coalesce(sum(attempt), 0)::int8
                   + (SELECT coalesce(sum(attempt), 0)::int8 FROM settled.job_history) AS attempts,
               (SELECT coalesce(sum(probes), 0)::int8 FROM settled.holds) AS probes
        FROM settled.jobs
        """)

    static let callsWithoutAnswer = Statement(
        "drill.calls_without_answer", "SELECT count(*) FROM settled.gateway_log WHERE code IS NULL")

    func standing() async throws -> Standing {
        guard let row = try await pool.query(TokenStore.lane, Self.standing).first else {
            throw CommandFailure("the database gave no answer")
        }
        return Standing(
            ready: Int(try row.int8("ready")), running: Int(try row.int8("running")), held: Int(try row.int8("held")),
            waiting: Int(try row.int8("waiting")), done: Int(try row.int8("done")),
            settled: Int(try row.int8("settled")), attempts: Int(try row.int8("attempts")),
            probes: Int(try row.int8("probes")))
    }

    func callsWithoutAnswer() async throws -> Int {
        Int(try await pool.query(TokenStore.lane, Self.callsWithoutAnswer).first?.int8(0) ?? 0)
    }
}
