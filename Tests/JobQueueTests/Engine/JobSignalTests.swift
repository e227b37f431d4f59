import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

@Suite(.database, .timeLimit(.minutes(5))) struct JobSignalTests {
    @Test("A signal wakes a runner of the same process that would otherwise sleep for an hour")
    func local() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let signal = JobSignal(pool: pool, logger: .silent)
        let runner = JobRunner(
            queue: QueueFixture.queue, handler: ClosureHandler { _ in .done(outcome: "ok") }, pool: pool,
            settings: RunnerSettings(pollInterval: .seconds(3600)), signal: signal,
            hooks: JobHooks(finished: { _, outcome, _ in journal.append(outcome) }), logger: .silent)
        try await running([pool, signal, runner]) {
            for count in 1...5 {
                try await queue.enqueue(1)
                signal.send(queue: QueueFixture.queue)
                await journal.wait { $0.count >= count }
            }
        }
        #expect(journal.entries.count == 5)
    }

    @Test(
        "A runner of one queue that makes another queue's jobs ready wakes that one's runner, which would sleep for an hour"
    )
    func dueElsewhere() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let signal = JobSignal(pool: pool, logger: .silent)
        let handler = ClosureHandler { _ in .done(outcome: "ok") }
        let sleeper = JobRunner(
            queue: QueueFixture.queue, handler: handler, pool: pool,
            settings: RunnerSettings(pollInterval: .seconds(3600), dueInterval: .seconds(3600)), signal: signal,
            hooks: JobHooks(finished: { _, outcome, _ in journal.append(outcome) }), logger: .silent)
        let neighbour = JobRunner(
            queue: "elsewhere", handler: handler, pool: pool,
            settings: RunnerSettings(pollInterval: .seconds(3600), dueInterval: .milliseconds(20)), signal: signal,
            logger: .silent)
        try await running([pool, signal, sleeper, neighbour]) {
            // The first one is announced, so that the sleeper is known to be past its own first look.
            try await queue.enqueue(1)
            signal.send(queue: QueueFixture.queue)
            await journal.wait { $0.count >= 1 }
            _ = try await queue.enqueue(
                NewJob(queue: QueueFixture.queue, kind: "test", start: .after(.milliseconds(200))))
            await journal.wait { $0.count >= 2 }
        }
        #expect(journal.entries.count == 2)
    }

    @Test("A signal of another process wakes a runner that listens and would otherwise sleep for an hour")
    func remote() async throws {
        let queue = try await QueueFixture()
        let pair = TwoProcesses(queue)
        let (journal, sender) = (pair.journal, pair.sender)
        try await running(pair.services) {
            for count in 1...5 {
                try await queue.enqueue(1)
                sender.send(queue: QueueFixture.queue)
                await journal.wait { $0.count >= count }
            }
        }
        #expect(journal.entries.count == 5)
    }

    @Test(
        "Jobs that are stored and told of in one round trip wake a runner of another process that would sleep for an hour"
    )
    func together() async throws {
        let queue = try await QueueFixture()
        let pair = TwoProcesses(queue)
        let (journal, sender) = (pair.journal, pair.sender)
        let job = NewJob(queue: QueueFixture.queue, kind: "test", uniqueKey: "one")
        try await running(pair.services) {
            for count in 1...5 {
                let enqueued = try await sender.enqueue([job], on: queue.connection)
                #expect(enqueued.map(\.isNew) == [true])
                await journal.wait { $0.count >= count }
            }
        }
        #expect(journal.entries.count == 5)
    }

    @Test("Many who store jobs at once are all heard of, though one NOTIFY at a time travels with a commit")
    func crowd() async throws {
        let queue = try await QueueFixture()
        let pair = TwoProcesses(queue)
        let (journal, sender) = (pair.journal, pair.sender)
        try await running(pair.services) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await pair.senderPool.withConnection("complete") { connection in
                            _ = try await sender.enqueue(
                                [NewJob(queue: QueueFixture.queue, kind: "test")], on: connection)
                        }
                    }
                }
                try await group.waitForAll()
            }
            await journal.wait { $0.count >= 40 }
        }
        #expect(journal.entries.count == 40)
    }

    @Test("A runner that keeps its connection while it waits gives it back when its lane is needed")
    func oneConnection() async throws {
        let queue = try await QueueFixture()
        let journal = Journal<String>()
        let pool = Pool(queue.settings, lanes: ["all": 1, "upkeep": 4], logger: .silent)
        let signal = JobSignal(pool: pool, logger: .silent)
        let runners = (0..<2).map { _ in
            JobRunner(
                queue: QueueFixture.queue, handler: ClosureHandler { _ in .done(outcome: "ok") }, pool: pool,
                settings: RunnerSettings(pollInterval: .seconds(3600), claimLane: "all", completionLane: "all"),
                signal: signal, hooks: JobHooks(finished: { _, outcome, _ in journal.append(outcome) }),
                logger: .silent)
        }
        try await running([pool, signal] + runners) {
            for count in 1...20 {
                try await queue.enqueue(1)
                signal.send(queue: QueueFixture.queue)
                await journal.wait { $0.count >= count }
                _ = try await pool.query("all", Statement("test.nothing", "SELECT 1"))
            }
        }
        #expect(journal.entries.count == 20)
    }
}

extension JobSignalTests {
    @Test("A runner that polls once an hour registers and claims again a second after that failed")
    func failures() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let (done, failed) = (Journal<String>(), Journal<String>())
        let signal = JobSignal(pool: pool, logger: .silent)
        let runner = JobRunner(
            queue: QueueFixture.queue, handler: ClosureHandler { _ in .done(outcome: "ok") }, pool: pool,
            settings: RunnerSettings(pollInterval: .seconds(3600)), signal: signal,
            hooks: JobHooks(finished: { _, outcome, _ in done.append(outcome) }),
            logger: Logger(label: "test", factory: { _ in Noting(journal: failed) }))
        try await queue.execute("ALTER TABLE settled.workers RENAME TO workers_away")
        try await running([pool, signal, runner]) {
            await failed.wait { $0.contains("jobs.register_failed") }
            try await queue.execute("ALTER TABLE settled.workers_away RENAME TO workers")
            try await queue.enqueue(1)
            signal.send(queue: QueueFixture.queue)
            await done.wait { $0.count >= 1 }

            try await queue.enqueue(1)
            try await queue.execute("ALTER TABLE settled.jobs RENAME TO jobs_away")
            signal.send(queue: QueueFixture.queue)
            await failed.wait { $0.contains("jobs.claim_failed") }
            try await queue.execute("ALTER TABLE settled.jobs_away RENAME TO jobs")
            await done.wait { $0.count >= 2 }
        }
    }
}

/// Writes down what was logged.
private struct Noting: LogHandler {
    let journal: Journal<String>
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace

    init(journal: Journal<String>) { self.journal = journal }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { journal.append("\(event.message)") }
}

/// One that sends and one that listens and otherwise looks once an hour, which share nothing but the database.
private struct TwoProcesses {
    let journal = Journal<String>()
    let senderPool: Pool
    let sender: JobSignal
    let services: [any Service]

    init(_ queue: QueueFixture) {
        senderPool = queue.pool()
        sender = JobSignal(pool: senderPool, logger: .silent)
        let runnerPool = queue.pool()
        let listening = JobSignal(pool: runnerPool, listensOn: queue.settings, logger: .silent)
        let runner = JobRunner(
            queue: QueueFixture.queue, handler: ClosureHandler { _ in .done(outcome: "ok") }, pool: runnerPool,
            settings: RunnerSettings(pollInterval: .seconds(3600)), signal: listening,
            hooks: JobHooks(finished: { [journal] _, outcome, _ in journal.append(outcome) }), logger: .silent)
        services = [senderPool, runnerPool, sender, listening, runner]
    }
}
