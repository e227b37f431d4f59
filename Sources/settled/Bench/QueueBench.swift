import Postgres

/// Jobs a second that do nothing: claimed, performed, fenced, completed and kept in the history, beside the same rows claimed
/// in batches of 100 by plain SQL on one connection, without history, fencing or heartbeat.
struct QueueBench: Sendable {
    let database: DatabaseUnderBench
    let jobs: Int

    func run(rounds: Int, progress: (String) -> Void) async throws -> BenchResult {
        try await BenchResult.compare(
            "no-op jobs, state and history kept", limitName: "plain claim of 100, 1 client", rounds: rounds,
            progress: progress,
            ours: {
                try await fill()
                return try await steps.drain(jobs, concurrency: 4_000)
            },
            limit: {
                try await fill()
                return try await claim()
            })
    }

    private var steps: QueueSteps { QueueSteps(database: database) }

    private func fill() async throws {
        try await database.clear()
        try await steps.fill(jobs)
    }

    private static let claim = Statement(
        "bench.claim",
        """
        WITH c AS (SELECT id FROM settled.jobs WHERE queue = $1 AND state = 'ready' AND NOT suspect
                   ORDER BY queue, priority, ready_order LIMIT 100 FOR UPDATE SKIP LOCKED)
        DELETE FROM settled.jobs j USING c WHERE j.id = c.id RETURNING j.id
        """)

    private func claim() async throws -> Double {
        try await database.withConnection { connection in
            let start = ContinuousClock.now
            while try await !connection.query(Self.claim, [.text(QueueSteps.queue)]).isEmpty {}
            return Double(jobs) / (start.duration(to: .now) / .seconds(1))
        }
    }
}
