import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import Wire

/// What can be measured of the queue, one measurement a call, on a database whose schema is there.
///
/// A job here does nothing; its argument is about as long as what a notification leaves behind. State and history are kept,
/// completions are fenced, heartbeats go on: it is the runner that the program works with.
struct QueueSteps: Sendable {
    static let queue = "bench"
    /// Runners in the one process: while one waits for its claim to be on disk, the other goes on.
    static let runners = 2
    private static let padding = String(repeating: "x", count: 400)

    let database: DatabaseUnderBench

    /// How a runner that has nothing to do but the queue is set up.
    static func runnerSettings(concurrency: Int, lease: Duration = .seconds(60)) -> RunnerSettings {
        RunnerSettings(
            concurrency: max(64, concurrency), claimBatch: max(64, concurrency / 4),
            completionBatch: max(64, concurrency / 4), completers: 2, lease: lease)
    }

    // MARK: Filling

    /// Stores `count` ready jobs and lets the planner know of them.
    func fill(_ count: Int) async throws {
        try await database.withConnection { connection in
            for start in stride(from: 0, to: count, by: 1_000_000) {
                _ = try await connection.query(
                    Self.fill, [.text(Self.queue), .text(Self.padding), .int8(Int64(min(1_000_000, count - start)))],
                    deadline: .seconds(600))
            }
            try await connection.execute("VACUUM (ANALYZE) settled.jobs", deadline: .seconds(600))
        }
        try await database.settle()
    }

    /// Stores `count` finished jobs, as if they had been worked on before.
    func fillHistory(_ count: Int) async throws {
        try await database.withConnection { connection in
            _ = try await connection.query(
                Self.fillHistory, [.text(Self.queue), .text(Self.padding), .int8(Int64(count))], deadline: .seconds(600)
            )
            try await connection.execute("VACUUM (ANALYZE) settled.job_history", deadline: .seconds(600))
        }
        try await database.settle()
    }

    // MARK: Enqueueing

    /// Jobs stored in a second by `clients` connections, `batch` of them in each commit.
    func enqueue(batch: Int, clients: Int, seconds: Double) async throws -> Double {
        let pool = Pool(database.settings, lanes: ["bench": clients], logger: database.logger)
        let jobs = (0..<batch).map { _ in Self.job(sentAt: SystemClock.microseconds()) }
        let stored = RunningCount()
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<clients {
                tasks.addTask {
                    try await pool.withConnection("bench") { connection in
                        while ContinuousClock.now < end {
                            try Task.checkCancellation()
                            // Outside a transaction the statement commits by itself.
                            _ = try await JobQueue.enqueue(jobs, in: connection)
                            stored.add(batch)
                        }
                    }
                }
            }
            try await tasks.waitForAll()
        }
        let took = start.duration(to: .now) / .seconds(1)
        await pool.close()
        return Double(stored.value) / took
    }

    static func job(sentAt time: Int64) -> NewJob {
        NewJob(queue: queue, kind: "noop", args: #"{"t":\#(time),"pad":"\#(padding)"}"#)
    }

    // MARK: Working

    private struct NoOp: JobHandler {
        var seen: @Sendable (Lease) -> Void = { _ in }

        func perform(_ lease: Lease) async { seen(lease) }

        func record(_ finished: [(lease: Lease, output: Void)], in tx: isolated Connection) throws -> [Disposition] {
            finished.map { _ in .done(outcome: "done") }
        }
    }

    /// Jobs a second until `count` are completed in the database, from the first claim on.
    ///
    /// - Parameter patience: how long it may take at most; then what was completed by then counts.
    func drain(_ count: Int, concurrency: Int, patience: Duration = .seconds(600)) async throws -> Double {
        let began = Mutex<ContinuousClock.Instant?>(nil)
        let countdown = Countdown(count)
        try await withRunner(
            concurrency: concurrency,
            hooks: JobHooks(
                claimed: { _, _ in began.withLock { $0 = $0 ?? .now } }, finished: { _, _, _ in countdown.add() })
        ) {
            await countdown.wait(patience)
        }
        guard let start = began.withLock({ $0 }), let end = countdown.end else {
            throw CommandFailure("the jobs were not done in \(DurationText.text(patience))", .tryLater)
        }
        return Double(count) / (start.duration(to: end) / .seconds(1))
    }

    /// Runs a worker of so many runners until `body` returns.
    func withRunner<T: Sendable>(
        concurrency: Int, runners count: Int = Self.runners, hooks: JobHooks = JobHooks(),
        seen: @escaping @Sendable (Lease) -> Void = { _ in },
        _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let pool = Pool(
            database.settings, lanes: ["claim": count, "complete": 2 * count, "upkeep": 1],
            logger: database.logger)
        let signal = JobSignal(pool: pool, listensOn: database.settings, logger: database.logger)
        let gate = SuspectGate()
        let runners = (0..<count).map { _ in
            JobRunner(
                queue: Self.queue, handler: NoOp(seen: seen), pool: pool,
                settings: Self.runnerSettings(concurrency: concurrency / count), signal: signal, gate: gate,
                hooks: hooks, logger: database.logger)
        }
        let group = ServiceGroup(services: [pool, signal] + runners, logger: database.logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<T, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }

    /// Sends jobs that tell when they were sent, so many one every `gap`, then the next so many; all over one connection, as a
    /// program does that has run for a while.
    func send(_ parts: [(count: Int, gap: Duration)]) async throws {
        let pool = Pool(database.settings, lanes: ["bench": 1, "upkeep": 1], logger: database.logger)
        let signal = JobSignal(pool: pool, logger: database.logger)
        let group = ServiceGroup(services: [pool, signal], logger: database.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for gap in parts.flatMap({ part in Array(repeating: part.gap, count: part.count) }) {
                let start = ContinuousClock.now
                try await pool.withConnection("bench") { connection in
                    _ = try await signal.enqueue([Self.job(sentAt: SystemClock.microseconds())], on: connection)
                }
                try await Task.sleep(until: start + gap)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    /// How many jobs were ever given a number.
    func storedEver() async throws -> Int {
        try await database.withConnection { try await $0.query(Self.storedEver).first.map { Int(try $0.int8(0)) } ?? 0 }
    }

    /// Microseconds since 1970 at which the job of `lease` was sent.
    static func sentAt(_ lease: Lease) -> Int64? {
        (try? JSONValue(parsing: Array(lease.args.utf8)))?["t"]?.text.flatMap { Int64($0) }
    }

    // MARK: Churning

    /// Jobs in each commit of the churn.
    private static let churnBatch = 500
    /// Connections that enqueue: while one waits for the disk, the other goes on.
    private static let producers = 2
    /// Jobs that are being sent when the churn ends: perhaps they are never stored.
    static let churnUnsure = producers * churnBatch
    /// Jobs that wait or are under way. With half of them the processors stand idle for a third of the time, since each job
    /// waits for the disk three times, and what is measured is the disk's mood.
    private static let unfinished = 8_000

    /// What a long churn looked like.
    struct Churn: Sendable {
        /// Jobs completed in a second, one figure for each step.
        var series: [Double] = []
        var total = 0
        var deadRows: Int64 = 0
    }

    /// Keeps about 8,000 jobs unfinished, as many as keep all processors at work, while from `warm` on a transaction holds
    /// its snapshot for `hold`.
    func churn(warm: Duration, hold: Duration, after: Duration, step: Duration, concurrency: Int) async throws -> Churn
    {
        let sent = RunningCount()
        let done = RunningCount()
        var churn = Churn()
        let series = try await withRunner(
            concurrency: concurrency, hooks: JobHooks(finished: { _, _, _ in done.add(1) })
        ) { [database] in
            try await withThrowingTaskGroup(of: [Double].self) { tasks in
                for _ in 0..<Self.producers {
                    tasks.addTask {
                        try await Self.produce(database, sent) { done.value }
                        return []
                    }
                }
                tasks.addTask {
                    try await Self.watch(
                        database, done: { done.value }, warm: warm, hold: hold, after: after,
                        step: step)
                }
                var series: [Double] = []
                while series.isEmpty, let next = try await tasks.next() { series = next }
                tasks.cancelAll()
                return series
            }
        }
        churn.series = series
        churn.total = done.value
        churn.deadRows = try await database.withConnection { connection in
            try await connection.query(Self.deadRows).first?.int8(0) ?? 0
        }
        return churn
    }

    private static func produce(
        _ database: DatabaseUnderBench, _ sent: RunningCount, done: @escaping @Sendable () -> Int
    ) async throws {
        let jobs = (0..<churnBatch).map { _ in job(sentAt: 0) }
        try await database.withConnection { connection in
            while !Task.isCancelled {
                if sent.value - done() < unfinished {
                    sent.add(jobs.count)
                    _ = try await JobQueue.enqueue(jobs, in: connection)
                } else {
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
        }
    }

    private static func watch(
        _ database: DatabaseUnderBench, done: @escaping @Sendable () -> Int, warm: Duration, hold: Duration,
        after: Duration, step: Duration
    ) async throws -> [Double] {
        var series: [Double] = []
        let start = ContinuousClock.now
        var last = (count: done(), time: start)
        try await database.withConnection { connection in
            var isHeld = false
            while start.duration(to: .now) + step <= warm + hold + after + step / 2 {
                try await Task.sleep(until: start + step * Double(series.count + 1))
                let now = (count: done(), time: ContinuousClock.now)
                series.append(Double(now.count - last.count) / (last.time.duration(to: now.time) / .seconds(1)))
                last = now
                let elapsed = start.duration(to: .now)
                if !isHeld, elapsed >= warm, elapsed < warm + hold {
                    try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
                    isHeld = true
                } else if isHeld, elapsed >= warm + hold {
                    try await connection.execute("COMMIT")
                    isHeld = false
                }
            }
        }
        return series
    }
}

extension QueueSteps {
    private static let fill = Statement(
        "bench.fill",
        """
        INSERT INTO settled.jobs (queue, kind, args)
        SELECT $1, 'noop', jsonb_build_object('t', 0, 'pad', $2::text) FROM generate_series(1, $3)
        """)
    private static let fillHistory = Statement(
        "bench.fill_history",
        """
        INSERT INTO settled.job_history (id, run_at, created_at, first_attempt_at, lease_epoch, attempt, priority, crashes,
                                         state, queue, kind, outcome, args)
        SELECT nextval('settled.jobs_id_seq'), now(), now(), now(), 1, 1, 1, 0, 'done', $1, 'noop', 'done',
               jsonb_build_object('t', 0, 'pad', $2::text)
        FROM generate_series(1, $3)
        """)
    private static let storedEver = Statement(
        "bench.stored_ever",
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM settled.jobs_id_seq")
    private static let deadRows = Statement(
        "bench.dead_rows", "SELECT coalesce(sum(n_dead_tup), 0)::int8 FROM pg_stat_user_tables")
}
