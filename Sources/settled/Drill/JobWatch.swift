import Postgres
import Settlement

/// Watches one job of a drill until it has ended, or is seen to wait.
struct JobWatch: Sendable {
    /// Of the error, for a complaint.
    let name: String

    /// How long a job may take to end after its first call, before it is taken for one that waits.
    private static let patience: Duration = .seconds(3)

    private static let look = Statement(
        "drill.look",
        """
        SELECT j.state, j.outcome, j.cause, j.attempt,
               (extract(epoch FROM j.run_at - now()) * 1000)::int8 AS wait_ms,
               a.disposition, coalesce(a.cause, a.message) AS first_cause,
               (SELECT count(*) FROM settled.settlements) AS settled
        FROM settled.job_list j
        LEFT JOIN LATERAL (SELECT disposition, cause, message FROM settled.job_attempts a
                           WHERE a.job_id = j.id ORDER BY lease_epoch LIMIT 1) a ON true
        WHERE j.id = $1
        """)

    func observe(_ id: Int64, _ pool: Pool, calls: @Sendable () -> Int) async throws -> Observation {
        var began: ContinuousClock.Instant?
        let limit = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < limit {
            guard let row = try await pool.query(TokenStore.lane, Self.look, [.int8(id)]).first else {
                throw CommandFailure("the job is gone")
            }
            let state = try row.text("state")
            let first = try row.textOrNil("disposition")
            if began == nil, first != nil { began = .now }
            let hasEnded = ["done", "failed", "cancelled", "quarantined"].contains(state)
            if hasEnded || began.map({ $0 + Self.patience < .now }) ?? false {
                let waits = ["scheduled", "retrying"].contains(state)
                return Observation(
                    first: first ?? state, cause: try row.textOrNil("first_cause") ?? row.textOrNil("cause"),
                    attempts: Int(try row.int4("attempt")), calls: calls(), state: state,
                    outcome: try row.textOrNil("outcome"),
                    wait: waits ? .milliseconds(try row.int8("wait_ms")) : nil,
                    settled: Int(try row.int8("settled")))
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure("\(name): the job was not begun within 30 seconds")
    }
}
