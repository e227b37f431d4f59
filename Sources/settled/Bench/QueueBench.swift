import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Jobs a second that do nothing: claimed, performed, fenced, completed and kept in the history, beside the same rows claimed
/// in batches of 100 by plain SQL on one connection, without history, fencing or heartbeat.
struct QueueBench: Sendable {
    let database: DatabaseUnderBench
    let jobs: Int

    static let queue = "bench"

    func run(rounds: Int, progress: (String) -> Void) async throws -> BenchResult {
        try await BenchResult.compare(
            "no-op jobs, state and history kept", limitName: "plain claim of 100, 1 client", rounds: rounds,
            progress: progress,
            ours: {
                try await fill()
                return try await drain()
            },
            limit: {
                try await fill()
                return try await claim()
            })
    }

    private func fill() async throws {
        try await database.clear()
        try await database.withConnection { connection in
            _ = try await connection.query(
                Statement(
                    "bench.fill",
                    """
                    INSERT INTO settled.jobs (queue, kind, args)
                    SELECT $1, 'noop', '{"a":1}' FROM generate_series(1, $2)
                    """), [.text(Self.queue), .int8(Int64(jobs))])
            try await connection.execute("ANALYZE settled.jobs")
        }
    }

    private struct NoOp: JobHandler {
        func perform(_ lease: Lease) async {}

        func record(_ finished: [(lease: Lease, output: Void)], in tx: isolated Connection) throws -> [Disposition] {
            finished.map { _ in .done(outcome: "done") }
        }
    }

    private func drain() async throws -> Double {
        let pool = Pool(
            database.settings, lanes: ["claim": 1, "complete": 2, "upkeep": 1], logger: database.logger)
        let (done, finished) = AsyncStream.makeStream(of: Void.self)
        let count = Count(jobs) { finished.finish() }
        let runner = JobRunner(
            queue: Self.queue, handler: NoOp(), pool: pool,
            settings: RunnerSettings(concurrency: 4_000, claimBatch: 1_000, completionBatch: 1_000, completers: 2),
            hooks: JobHooks(finished: { _, _, _ in count.down() }), logger: database.logger)
        let group = ServiceGroup(services: [pool, runner], logger: database.logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            let start = ContinuousClock.now
            tasks.addTask { try await group.run() }
            for await _ in done {}
            let seconds = start.duration(to: .now) / .seconds(1)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return Double(jobs) / seconds
        }
    }

    private final class Count: Sendable {
        private let left: Atomic<Int>
        private let zero: @Sendable () -> Void

        init(_ count: Int, zero: @escaping @Sendable () -> Void) {
            left = Atomic(count)
            self.zero = zero
        }

        func down() {
            if left.subtract(1, ordering: .relaxed).newValue == 0 { zero() }
        }
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
            while try await !connection.query(Self.claim, [.text(Self.queue)]).isEmpty {}
            return Double(jobs) / (start.duration(to: .now) / .seconds(1))
        }
    }
}
