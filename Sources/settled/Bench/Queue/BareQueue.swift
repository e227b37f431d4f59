import JobQueue
import Postgres

/// What one connection does with the same rows in plain SQL, as a team writes it in an afternoon: a state and an index on what
/// waits; no history, fence or heartbeat. The queue is read beside it.
struct BareQueue: Sendable {
    let database: DatabaseUnderBench

    /// Jobs a second that are claimed and marked as done, each `batch` in a commit of its own.
    func drained(_ jobs: Int, batch: Int) async throws -> Double {
        try await makeTable()
        try await database.withConnection { connection in
            let job = QueueSteps.job(sentAt: 0)
            _ = try await connection.query(
                Self.fill, [.text(job.kind), .jsonb(job.args), .int8(Int64(jobs))], deadline: .seconds(600))
            try await connection.execute("VACUUM (ANALYZE) settled.bench_bare", deadline: .seconds(600))
        }
        try await database.settle()
        return try await database.withConnection { connection in
            let start = ContinuousClock.now
            var done = 0
            while true {
                try Task.checkCancellation()
                let claimed = try await connection.query(Self.claim, [.int8(Int64(batch))]).map { try $0.int8(0) }
                if claimed.isEmpty { break }
                _ = try await connection.query(Self.mark, [.int8Array(claimed)])
                done += claimed.count
            }
            guard done == jobs else { throw CommandFailure("the plain queue held \(done) of \(jobs) jobs") }
            return Double(jobs) / (start.duration(to: .now) / .seconds(1))
        }
    }

    /// Rows a second, `batch` in each commit.
    func inserted(_ batch: Int, seconds: Double) async throws -> Double {
        try await makeTable()
        return try await database.withConnection { connection in
            let job = QueueSteps.job(sentAt: 0)
            let parameters: [Parameter] = [
                .text(job.kind), .jsonbArray([String?](repeating: job.args, count: batch)),
            ]
            let start = ContinuousClock.now
            var stored = 0
            while start.duration(to: .now) < .seconds(seconds) {
                try Task.checkCancellation()
                _ = try await connection.query(Self.insert, parameters)
                stored += batch
            }
            return Double(stored) / (start.duration(to: .now) / .seconds(1))
        }
    }

    private func makeTable() async throws {
        try await database.withConnection {
            try await $0.execute(
                """
                DROP TABLE IF EXISTS settled.bench_bare;
                CREATE TABLE settled.bench_bare (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL, state text NOT NULL DEFAULT 'ready',
                    run_at timestamptz NOT NULL DEFAULT now(), args jsonb NOT NULL);
                CREATE INDEX ON settled.bench_bare (run_at, id) WHERE state = 'ready'
                """)
        }
    }

    private static let fill = Statement(
        "bench.fill_bare", "INSERT INTO settled.bench_bare (kind, args) SELECT $1, $2 FROM generate_series(1, $3)")
    private static let claim = Statement(
        "bench.claim_bare",
        """
        UPDATE settled.bench_bare SET state = 'running' WHERE id = ANY (ARRAY(
            SELECT id FROM settled.bench_bare WHERE state = 'ready' ORDER BY run_at, id LIMIT $1 FOR UPDATE SKIP LOCKED))
        RETURNING id
        """)
    private static let mark = Statement(
        "bench.mark_bare", "UPDATE settled.bench_bare SET state = 'done' WHERE id = ANY ($1) AND state = 'running'")
    private static let insert = Statement(
        "bench.insert_bare", "INSERT INTO settled.bench_bare (kind, args) SELECT $1, unnest($2)")
}
