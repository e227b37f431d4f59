import Postgres
import TestSupport
import Testing

@testable import JobQueue

@Suite(.database, .timeLimit(.minutes(5))) struct ClaimTests {
    @Test("Urgent jobs come first, then the order in which jobs became ready")
    func order() async throws {
        let queue = try await QueueFixture()
        let low = try await queue.enqueue(2, priority: .low)
        let normal = try await queue.enqueue(2)
        let urgent = try await queue.enqueue(2, priority: .urgent)
        #expect(try await queue.claim(3).map(\.jobID) == urgent + normal.prefix(1))
        #expect(try await queue.claim(3).map(\.jobID) == normal.suffix(1) + low)
        #expect(try await queue.claim(3).isEmpty)
    }

    @Test("A claim raises the epoch, marks the job started and leases it by the database's clock")
    func lease() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(NewJob(queue: "work", kind: "k", subject: "T")).jobID
        let worker = try await queue.worker()
        let lease = try #require(try await queue.claim(worker: worker).first)
        #expect(lease.epoch == 1 && lease.attempt == 1 && lease.crashes == 0 && !lease.isSuspect)
        #expect(lease.subject == "T" && lease.worker == worker)
        #expect(lease.expiresAt - lease.claimedAt == .seconds(30))
        #expect(lease.firstAttemptAt == lease.claimedAt)
        let job = try await queue.job(id)
        #expect(job.state == .running && job.worker == worker && job.leaseExpiresAt == lease.expiresAt)
    }

    @Test("Two claimers at the same time never get the same job")
    func disjoint() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(500)
        let pool = Pool(queue.settings, lanes: ["claim": 4], logger: .silent)
        let worker = try await queue.worker()
        let claimed = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var mine: [Int64] = []
                    while true {
                        let leases = try await pool.withConnection("claim") { connection in
                            try await JobQueue.claim(.init(queue: "work", limit: 17, worker: worker), on: connection)
                        }
                        if leases.isEmpty { return mine }
                        mine += leases.map(\.jobID)
                    }
                }
            }
            var all: [Int64] = []
            for try await some in group { all += some }
            return all
        }
        await pool.close()
        // A claim may come back empty because the others hold all that is left; what they hold they have claimed.
        #expect(claimed.sorted() == ids)
    }

    @Test("A number that was drawn early and committed late is behind the marks, and the sweep finds it")
    func lateCommit() async throws {
        let queue = try await QueueFixture()
        let late = try await TestDatabase.current.connect()
        try await late.execute("BEGIN; INSERT INTO settled.jobs (queue, kind) VALUES ('work', 'late')")
        try await queue.enqueue(5)
        var marks = ReadyMarks(slack: 2, sweepEvery: .seconds(1))
        let worker = try await queue.worker()
        func claim(at now: Duration) async throws -> [String] {
            let plan = marks.plan(now: now)
            let leases = try await JobQueue.claim(
                .init(queue: "work", limit: 100, worker: worker), after: plan.after, on: queue.connection)
            marks.claimed(
                leases.map { ($0.priority, $0.readyOrder) }, by: plan, isFull: false, start: now, end: now)
            return leases.map(\.kind)
        }
        #expect(try await claim(at: .zero).count == 5)
        try await late.execute("COMMIT")
        #expect(try await claim(at: .milliseconds(500)).isEmpty)
        #expect(try await claim(at: .seconds(1)) == ["late"])
    }

    @Test("A paused queue gives nothing until it is resumed; both are remembered with their reason")
    func pause() async throws {
        let queue = try await QueueFixture()
        try await queue.enqueue(1)
        let actor = Actor("operator", reason: "the gateway is being moved")
        try await JobStore.pause(queue: "work", by: actor, on: queue.connection)
        #expect(try await queue.claim().isEmpty)
        let state = try #require(try await JobStore.queues(on: queue.connection).first)
        #expect(state.isPaused && state.reason == actor.reason && state.changedBy == "operator")
        try await JobStore.resume(queue: "work", by: Actor("operator", reason: "moved"), on: queue.connection)
        #expect(try await queue.claim().count == 1)
        let events = try await queue.connection.query(
            Statement("test_events", "SELECT action FROM settled.job_events ORDER BY id"))
        #expect(try events.map { try $0.text(0) } == ["pause", "resume"])
    }

    @Test("A released job is ready again at the end of its queue; no attempt is spent, the epoch stays")
    func release() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(2)
        let leases = try await queue.claim(1)
        #expect(try await JobQueue.release(leases, on: queue.connection) == [ids[0]])
        #expect(try await JobQueue.release(leases, on: queue.connection).isEmpty)
        let again = try await queue.claim()
        #expect(again.map(\.jobID) == [ids[1], ids[0]])
        #expect(again[1].epoch == 2 && again[1].attempt == 1 && again[1].crashes == 0)
        #expect(try await queue.show(ids[0]).attempts.map(\.disposition) == ["released"])
    }

    @Test("A plan made while the queue was empty still goes along the index when it is full")
    func plan() async throws {
        let queue = try await QueueFixture()
        // Changed first: it makes every session plan anew.
        try await queue.execute("ALTER TABLE settled.jobs SET (autovacuum_enabled = false); ANALYZE settled.jobs")
        let worker = try await queue.worker()
        // More than the five uses after which the server keeps a generic plan.
        for _ in 0..<8 {
            try await queue.enqueue(1)
            try await queue.finish(queue.claim(10, worker: worker), .done(outcome: "ok"))
        }
        try await queue.execute(
            "INSERT INTO settled.jobs (queue, kind) SELECT 'work', 'k' FROM generate_series(1, 20000)")
        let before = try await scans(queue.connection)
        #expect(try await queue.claim(10, worker: worker).count == 10)
        let leases = try await queue.claim(10, worker: worker)
        try await queue.finish(leases, .done(outcome: "ok"))
        #expect(try await scans(queue.connection) == before)
    }

    @Test(
        "While an old snapshot is held, a job that is worked on reads its own index entries and not those of all before it"
    )
    func heldSnapshot() async throws {
        let queue = try await QueueFixture()
        try await queue.execute("ALTER TABLE settled.jobs SET (autovacuum_enabled = false)")
        try await queue.execute(
            "INSERT INTO settled.jobs (queue, kind, state, run_at) "
                + "SELECT 'work', 'k', 'scheduled', now() + interval '1 day' FROM generate_series(1, 30000)")
        let holder = Connection(queue.settings)
        try await holder.connect()
        try await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
        // The entries stay, and the planner is told that hardly a row is left.
        try await queue.execute("DELETE FROM settled.jobs WHERE id > 4; ANALYZE settled.jobs")
        let worker = try await queue.worker()
        let before = try await entries(queue.connection)
        for _ in 0..<8 {
            try await queue.enqueue(20)
            let leases = try await queue.claim(20, worker: worker)
            _ = try await JobQueue.start(leases, on: queue.connection)
            try await queue.finish(Array(leases.prefix(10)), .done(outcome: "ok"))
            try await queue.finish(Array(leases.suffix(10)), .snooze(after: .seconds(60), reason: "later"))
        }
        #expect(try await entries(queue.connection) - before < 10_000)
        await holder.close()
    }

    /// Entries of the primary key that were read by this session and those before it.
    private func entries(_ connection: Connection) async throws -> Int64 {
        try await connection.execute("SELECT pg_stat_force_next_flush()")
        let statement = Statement(
            "test_entries",
            "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelid = 'settled.jobs_pkey'::regclass")
        return try #require(try await connection.query(statement).first).int8(0)
    }

    /// Sequential scans of the table by this session and those before it.
    private func scans(_ connection: Connection) async throws -> Int64 {
        try await connection.execute("SELECT pg_stat_force_next_flush()")
        let statement = Statement(
            "test_scans", "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'settled.jobs'::regclass")
        return try #require(try await connection.query(statement).first).int8(0)
    }
}
