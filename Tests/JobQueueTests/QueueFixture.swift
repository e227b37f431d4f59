import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import JobQueue

/// A queue in the test's own database.
struct QueueFixture: Sendable {
    static let queue = "work"
    let connection: Connection
    let settings: ConnectionSettings

    init() async throws {
        let database = try TestDatabase.current
        settings = database.settings
        connection = try await database.connect()
    }

    func pool() -> Pool {
        Pool(settings, lanes: ["claim": 2, "complete": 4, "upkeep": 4], logger: .silent)
    }

    @discardableResult
    func enqueue(_ count: Int, priority: Priority = .normal) async throws -> [Int64] {
        let jobs = (0..<count).map {
            NewJob(queue: Self.queue, kind: "test", args: "{\"n\":\($0)}", priority: priority)
        }
        return try await JobQueue.enqueue(jobs, in: connection).map(\.jobID)
    }

    func enqueue(_ job: NewJob) async throws -> Enqueued {
        try #require(try await JobQueue.enqueue([job], in: connection).first)
    }

    func worker(_ name: String = "test:1") async throws -> Int64 {
        try await JobQueue.register(name: name, queue: Self.queue, on: connection)
    }

    func claim(_ limit: Int = 100, worker: Int64? = nil, starts: Bool = true) async throws -> [Lease] {
        let worker = if let worker { worker } else { try await self.worker() }
        let claim = JobQueue.Claim(queue: Self.queue, limit: limit, worker: worker, starts: starts)
        return try await JobQueue.claim(claim, on: connection)
    }

    /// Completes live leases as a runner does, in one transaction.
    @discardableResult
    func finish(_ leases: [Lease], _ disposition: Disposition, retry: RetryPolicy = RetryPolicy()) async throws
        -> [Lease]
    {
        try await connection.transaction { tx in
            let (live, now) = try JobQueue.lockLive(leases, in: tx)
            try JobQueue.finish(live.map { ($0, disposition) }, retry: retry, now: now, in: tx)
            return live
        }
    }

    func show(_ id: Int64) async throws -> JobDetail {
        try #require(try await JobStore.show(id, on: connection))
    }

    func job(_ id: Int64) async throws -> Job {
        try await show(id).job
    }

    func states(_ ids: [Int64]) async throws -> [JobState: Int] {
        var states: [JobState: Int] = [:]
        for id in ids { states[try await job(id).state, default: 0] += 1 }
        return states
    }

    func execute(_ sql: String) async throws {
        try await connection.execute(sql)
    }

    /// Lets the leases run out, and the worker fall silent, as if it had died a while ago.
    func lapse(_ ids: [Int64], silent worker: Int64? = nil) async throws {
        let list = ids.map(String.init).joined(separator: ",")
        try await execute(
            "UPDATE settled.jobs SET lease_expires_at = now() - interval '1 millisecond' WHERE id IN (\(list))")
        if let worker {
            try await execute(
                "UPDATE settled.workers SET heartbeat_at = now() - interval '35 seconds' WHERE id = \(worker)")
        }
    }

    /// Takes back lapsed leases as if they had been granted a moment ago: the tests' server has not been up for the length
    /// of a real lease, and nobody is blamed for a lease that was lost while the server started.
    func rescue(lease: Duration = .microseconds(1)) async throws -> [RescuedJob] {
        try await JobQueue.rescue(lease: lease, silence: .seconds(30), on: connection)
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}

/// What other tasks write down, and a way to wait until it says what the test needs; the test's time limit ends the wait.
final class Journal<Entry: Sendable>: Sendable {
    private struct State {
        var entries: [Entry] = []
        var nextTicket = 0
        var waiting: [Int: (condition: @Sendable ([Entry]) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            [:]
    }
    private let state = Mutex(State())

    func append(_ entry: Entry) {
        let ready = state.withLock { state in
            state.entries.append(entry)
            let entries = state.entries
            let ready = state.waiting.filter { $0.value.condition(entries) }
            for ticket in ready.keys { state.waiting[ticket] = nil }
            return ready.values.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    var entries: [Entry] { state.withLock(\.entries) }

    func wait(until condition: @escaping @Sendable ([Entry]) -> Bool) async {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let returnsNow = state.withLock { state in
                    if Task.isCancelled || condition(state.entries) { return true }
                    state.waiting[ticket] = (condition, continuation)
                    return false
                }
                if returnsNow { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.continuation.resume()
        }
    }
}

/// A handler made of closures.
struct ClosureHandler<Output: Sendable>: JobHandler {
    var performing: @Sendable (Lease) async -> Output
    var recording: @Sendable ([(lease: Lease, output: Output)], isolated Connection) throws -> [Disposition]

    func perform(_ lease: Lease) async -> Output { await performing(lease) }
    func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition] {
        try recording(finished, tx)
    }
}

extension ClosureHandler where Output == Disposition {
    /// Answers with what the closure returns.
    init(_ performing: @escaping @Sendable (Lease) async -> Disposition) {
        self.init(performing: performing, recording: { finished, _ in finished.map(\.output) })
    }
}

/// Runs services until `body` returns, then shuts them down gracefully and waits for their end.
@discardableResult
func running<T: Sendable>(_ services: [any Service], _ body: () async throws -> T) async throws -> T {
    let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: .silent))
    let task = Task { try await group.run() }
    let result: Result<T, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    await group.triggerGracefulShutdown()
    try await task.value
    return try result.get()
}
