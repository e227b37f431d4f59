import Postgres
import TestSupport
import Testing

@testable import JobQueue

@Suite(.database, .timeLimit(.minutes(5))) struct RescueTests {
    private func suspectLease(_ queue: QueueFixture, _ worker: Int64) async throws -> Lease? {
        try await JobQueue.claimSuspect(.init(queue: "work", limit: 1, worker: worker), on: queue.connection)
    }

    @Test("A job whose worker died becomes a suspect and is left out of ordinary claims")
    func suspect() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(2)
        let dead = try await queue.worker("dead")
        _ = try await queue.claim(1, worker: dead)
        try await queue.lapse([ids[0]], silent: dead)
        let rescued = try await queue.rescue()
        #expect(rescued.map(\.jobID) == [ids[0]] && rescued.map(\.crashed) == [true])
        let job = try await queue.job(ids[0])
        // The crash among others is no crash of its own.
        #expect(job.state == .ready && job.isSuspect && job.crashes == 0 && job.attempt == 0)
        #expect(try await queue.claim().map(\.jobID) == [ids[1]])
        #expect(try await JobQueue.hasSuspects(queue: "work", on: queue.connection))
        let lease = try #require(try await suspectLease(queue, queue.worker()))
        #expect(lease.jobID == ids[0] && lease.isSuspect && lease.epoch == 2 && lease.attempt == 1)
    }

    @Test("Three deaths while it ran alone quarantine a job, with each death in its history")
    func poison() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        let first = try await queue.worker("first")
        _ = try await queue.claim(worker: first)
        try await queue.lapse([id], silent: first)
        _ = try await queue.rescue()
        for death in 1...3 {
            let worker = try await queue.worker("alone \(death)")
            _ = try #require(try await suspectLease(queue, worker))
            try await queue.lapse([id], silent: worker)
            #expect(try await queue.rescue().map(\.quarantined) == [death == 3])
            #expect(try await queue.job(id).crashes == death)
        }
        let detail = try await queue.show(id)
        #expect(detail.job.state == .quarantined && detail.job.cause == "crashed_worker" && !detail.job.isSuspect)
        #expect(detail.attempts.map(\.disposition) == ["crash", "crash", "crash", "crash"])
        #expect(detail.attempts.first?.message == "worker first died while the job ran among others")
        #expect(detail.attempts.last?.message == "worker alone 3 died while the job ran alone")
    }

    @Test("An answer clears the suspicion but not the count")
    func cleared() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        try await queue.execute("UPDATE settled.jobs SET suspect = true, crashes = 2")
        let lease = try #require(try await suspectLease(queue, queue.worker()))
        try await queue.finish([lease], .snooze(after: .zero, reason: "pending"))
        let job = try await queue.job(id)
        #expect(!job.isSuspect && job.crashes == 2)
    }

    @Test("No job is blamed for what it did not do")
    func blameless() async throws {
        let excuses: [(why: String, starts: Bool, isSilent: Bool, lease: Duration, sql: String)] = [
            ("it was not started", false, true, .microseconds(1), ""),
            ("its worker lives", true, false, .microseconds(1), ""),
            (
                "its worker was shutting down", true, true, .microseconds(1),
                "UPDATE settled.workers SET stopping_at = now()"
            ),
            (
                "another worker lost touch too", true, true, .microseconds(1),
                """
                INSERT INTO settled.workers (name, queue, started_at, connected_since)
                VALUES ('other', 'work', now() - interval '1 hour', now())
                """
            ),
            ("the server was restarted", true, true, .seconds(365 * 86_400), ""),
        ]
        let queue = try await QueueFixture()
        for excuse in excuses {
            let id = try await queue.enqueue(1)[0]
            let worker = try await queue.worker("w")
            _ = try await queue.claim(worker: worker, starts: excuse.starts)
            try await queue.lapse([id], silent: excuse.isSilent ? worker : nil)
            try await queue.execute(excuse.sql)
            #expect(try await queue.rescue(lease: excuse.lease).map(\.crashed) == [false], "\(excuse.why)")
            let detail = try await queue.show(id)
            #expect(detail.job.state == .ready && !detail.job.isSuspect && detail.job.crashes == 0, "\(excuse.why)")
            #expect(detail.attempts.map(\.disposition) == ["lost"], "\(excuse.why)")
            try await queue.execute("DELETE FROM settled.jobs; DELETE FROM settled.workers")
        }
    }

    @Test("A lease that lives is left alone, and a heartbeat extends it")
    func heartbeat() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(2)
        let worker = try await queue.worker()
        let leases = try await queue.claim(worker: worker)
        #expect(try await queue.rescue().isEmpty)
        try await queue.lapse(ids)
        let pulse = try await JobQueue.heartbeat(
            worker: worker, extending: [leases[0]], by: .seconds(30), interval: .seconds(10), running: 2,
            on: queue.connection)
        #expect(pulse == .init(isKnown: true, extended: [ids[0]]))
        #expect(try await queue.rescue().map(\.jobID) == [ids[1]])
        #expect(try await JobStore.workers(on: queue.connection).map(\.running) == [2])
    }

    @Test(
        "A heartbeat does not extend a lease that another claim has, and does not wait for one that is being completed")
    func heartbeatFence() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(2)
        let worker = try await queue.worker()
        let leases = try await queue.claim(worker: worker)
        try await queue.lapse([ids[0]])
        _ = try await queue.rescue()
        _ = try await queue.claim()
        let other = try await TestDatabase.current.connect()
        try await other.execute("BEGIN; SELECT FROM settled.jobs WHERE id = \(ids[1]) FOR UPDATE")
        let extended = try await JobQueue.heartbeat(
            worker: worker, extending: leases, by: .seconds(30), interval: .seconds(10), running: 2,
            on: queue.connection)
        #expect(extended.extended.isEmpty)
        try await other.execute("ROLLBACK")
    }

    @Test("A heartbeat after a long silence restarts the time of unbroken contact; a pruned worker is told to register")
    func contact() async throws {
        let queue = try await QueueFixture()
        let worker = try await queue.worker()
        func beat() async throws -> (known: Bool, outage: Bool) {
            let pulse = try await JobQueue.heartbeat(
                worker: worker, extending: [], by: .seconds(30), interval: .seconds(10), running: 0,
                on: queue.connection)
            let rows = try await queue.connection.query(
                Statement("test_contact", "SELECT connected_since > started_at FROM settled.workers"))
            return (pulse.isKnown, try rows.first?.bool(0) ?? false)
        }
        #expect(try await beat() == (true, false))
        try await queue.execute("UPDATE settled.workers SET heartbeat_at = now() - interval '21 seconds'")
        #expect(try await beat() == (true, true))
        try await queue.execute("DELETE FROM settled.workers")
        #expect(try await beat().known == false)
    }

    @Test("A job claimed to wait in memory is marked when its handler begins")
    func start() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(1)
        let worker = try await queue.worker()
        let leases = try await queue.claim(worker: worker, starts: false)
        #expect(try await JobQueue.start(leases, on: queue.connection) == Set(ids))
        try await queue.lapse(ids, silent: worker)
        #expect(try await queue.rescue().map(\.crashed) == [true])
        #expect(try await JobQueue.start(leases, on: queue.connection).isEmpty)
    }
}
