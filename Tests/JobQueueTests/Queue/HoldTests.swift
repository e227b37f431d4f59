import Postgres
import TestSupport
import Testing

@testable import JobQueue

@Suite(.database, .timeLimit(.minutes(5))) struct HoldTests {
    private static let key = "gateway:1"
    private let hold = Disposition.hold(key: key, cause: "timeout", reason: "it does not answer")

    /// So many jobs that were answered with a hold, oldest first.
    private func held(_ count: Int, _ queue: QueueFixture) async throws -> [Int64] {
        let ids = try await queue.enqueue(count)
        try await queue.finish(queue.claim(), hold)
        return ids
    }

    private func tend(_ queue: QueueFixture, probeInterval: Duration = .seconds(60)) async throws -> Int {
        try await queue.connection.transaction { tx in
            try JobQueue.tendHolds(probeInterval: probeInterval, in: tx).released
        }
    }

    /// Lets the time come at which the holds are looked at.
    private func wait(_ queue: QueueFixture) async throws {
        try await queue.execute("UPDATE settled.holds SET next_at = now()")
    }

    private func holds(_ queue: QueueFixture) async throws -> [Hold] { try await JobStore.holds(on: queue.connection) }

    @Test("A held job waits under its key, spends no attempt and is out of everybody's way")
    func held() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(3, queue)
        #expect(try await queue.claim().isEmpty)
        let detail = try await queue.show(ids[0])
        #expect(detail.job.state == .held && detail.job.holdKey == Self.key && detail.job.attempt == 0)
        #expect(detail.job.cause == "timeout" && detail.job.message == "it does not answer")
        #expect(detail.attempts.map(\.disposition) == ["hold"])
        let hold = try #require(try await holds(queue).first)
        #expect(hold.queue == "work" && hold.key == Self.key && hold.cause == "timeout" && hold.count == 3)
        #expect(hold.probes == 0 && hold.liftedAt == nil && hold.nextAt - hold.since == .seconds(60))
        #expect(try await JobStore.list(JobFilter(state: .held), on: queue.connection).map(\.id) == ids.reversed())
        #expect(try await JobStore.counts(on: queue.connection).map(\.count) == [3])
        #expect(try await JobStore.holdCounts(on: queue.connection) == ["work": 1])
    }

    @Test("The first probe comes after the time that was asked for, by the database's clock")
    func probeAfter() async throws {
        let queue = try await QueueFixture()
        try await queue.enqueue(1)
        try await queue.finish(
            queue.claim(), .hold(key: Self.key, cause: "banned", reason: "r", probeAfter: .seconds(600)))
        let hold = try #require(try await holds(queue).first)
        #expect(hold.nextAt - hold.since == .seconds(600))
        #expect(try await tend(queue) == 0)
    }

    @Test("One job is let out in each interval: the oldest first, then the next, and after the last the first again")
    func probes() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(3, queue)
        #expect(try await tend(queue) == 0, "not before the interval")
        var probed: [Int64] = []
        for round in 1...4 {
            try await wait(queue)
            #expect(try await tend(queue) == 1)
            #expect(try await tend(queue) == 0, "once in the interval")
            let leases = try await queue.claim()
            #expect(leases.map(\.holdKey) == [Self.key] && leases.map(\.attempt) == [1])
            probed += leases.map(\.jobID)
            try await queue.finish(
                leases, .hold(key: Self.key, cause: "reset", reason: "still nothing \(round)"))
            let hold = try #require(try await holds(queue).first)
            #expect(hold.count == 3 && hold.probes == round && hold.cause == "reset")
            #expect(hold.reason == "still nothing \(round)")
        }
        #expect(probed == ids + [ids[0]])
    }

    @Test("Urgent jobs are let out before older ones that are not")
    func priorities() async throws {
        let queue = try await QueueFixture()
        try await queue.enqueue(2)
        let urgent = try await queue.enqueue(1, priority: .urgent)
        try await queue.finish(queue.claim(), hold)
        try await wait(queue)
        _ = try await tend(queue)
        #expect(try await queue.claim().map(\.jobID) == urgent)
    }

    @Test("Of many processes that look at a hold at the same time one lets a job out")
    func once() async throws {
        let queue = try await QueueFixture()
        _ = try await held(20, queue)
        try await wait(queue)
        let pool = queue.pool()
        let released = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await pool.transaction("upkeep") { try JobQueue.tendHolds(in: $0).released }
                }
            }
            return try await group.reduce(0, +)
        }
        await pool.close()
        #expect(released == 1)
    }

    @Test("A probe that gets through lifts the hold; the others go back in windows that widen, in their order")
    func lift() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(100, queue)
        try await wait(queue)
        _ = try await tend(queue)
        try await queue.finish(queue.claim(), .done(outcome: "ok"))
        #expect(try await holds(queue).first?.liftedAt != nil)
        var order = [ids[0]]
        var windows: [Int] = []
        while true {
            try await wait(queue)
            guard try await tend(queue) > 0 else { break }
            let leases = try await queue.claim()
            windows.append(leases.count)
            order += leases.map(\.jobID)
            try await queue.finish(leases, .done(outcome: "ok"))
        }
        #expect(windows == [16, 32, 51])
        #expect(order == ids)
        try await wait(queue)
        #expect(try await holds(queue).isEmpty)
    }

    @Test("While the jobs that were let out have not answered, no more are let out than the window has room for")
    func window() async throws {
        let queue = try await QueueFixture()
        _ = try await held(100, queue)
        try await queue.connection.transaction { tx in
            try JobQueue.lift([HoldKey(queue: "work", key: Self.key)], in: tx)
        }
        #expect(try await tend(queue) == 16)
        try await wait(queue)
        #expect(try await tend(queue) == 16, "the window was widened once, when nobody was out")
        for _ in 0..<3 {
            try await wait(queue)
            #expect(try await tend(queue) == 0)
        }
        let hold = try #require(try await holds(queue).first)
        #expect(hold.out == 32 && hold.count == 68)
    }

    @Test("A job that is let out and held again ends the lifting; one that joins meanwhile does not")
    func standsAgain() async throws {
        let queue = try await QueueFixture()
        _ = try await held(40, queue)
        _ = try await JobStore.release(hold: Self.key, by: Actor("a", reason: "r"), on: queue.connection)
        _ = try await tend(queue)
        let out = try await queue.claim()
        try await queue.enqueue(1)
        try await queue.finish(queue.claim(), hold)
        #expect(try await holds(queue).first?.liftedAt != nil)
        try await queue.finish([out[0]], hold)
        let hold = try #require(try await holds(queue).first)
        #expect(hold.liftedAt == nil && hold.count == 26 && hold.out == 15)
        #expect(try await tend(queue) == 0)
    }

    @Test("A probe that fails for a reason of its own leaves the hold as it is")
    func inconclusive() async throws {
        let failure = JobFailure(cause: "c", message: "m")
        for disposition: Disposition in [
            .retry(failure, after: .seconds(60)), .quarantine(failure), .fail(failure), .cancel(reason: "r"),
            .snooze(after: .seconds(60), reason: "r"), .hold(key: "other", cause: "c", reason: "r"),
        ] {
            let queue = try await QueueFixture()
            let ids = try await held(2, queue)
            try await wait(queue)
            _ = try await tend(queue)
            try await queue.finish(queue.claim(), disposition)
            let hold = try #require(try await holds(queue).first { $0.key == Self.key })
            #expect(hold.liftedAt == nil && hold.count == 1 && hold.out == 0)
            let key = try await queue.job(ids[0]).holdKey
            #expect(key == (disposition == .hold(key: "other", cause: "c", reason: "r") ? "other" : nil))
            try await queue.execute(
                "TRUNCATE settled.jobs, settled.job_history, settled.job_attempts, settled.holds")
        }
    }

    @Test("What a job waited under a hold counts for nothing in its retry budget")
    func budget() async throws {
        let queue = try await QueueFixture()
        let id = try await held(1, queue)[0]
        try await queue.execute(
            """
            UPDATE settled.jobs SET first_attempt_at = now() - interval '73 hours', run_at = now() - interval '72 hours'
            """)
        try await wait(queue)
        _ = try await tend(queue)
        let leases = try await queue.claim()
        let age = leases[0].claimedAt - leases[0].firstAttemptAt
        #expect(age >= .seconds(3600) && age < .seconds(3700))
        try await queue.finish(leases, .retry(JobFailure(cause: "c", message: "m")))
        #expect(try await queue.job(id).state == .retrying)
    }

    @Test("A probe whose worker dies is rescued, is a probe still, and the hold stands")
    func killed() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(2, queue)
        try await wait(queue)
        _ = try await tend(queue)
        for crash in 0...3 {
            let worker = try await queue.worker("w\(crash)")
            let lease: Lease?
            if crash == 0 {
                lease = try await queue.claim(worker: worker).first
            } else {
                let claim = JobQueue.Claim(queue: "work", limit: 1, worker: worker)
                lease = try await JobQueue.claimSuspect(claim, on: queue.connection)
            }
            #expect(lease?.jobID == ids[0] && lease?.holdKey == Self.key)
            try await queue.lapse([ids[0]], silent: worker)
            let rescued = try await queue.rescue()
            #expect(rescued.map(\.quarantined) == [crash == 3])
        }
        let job = try await queue.job(ids[0])
        #expect(job.state == .quarantined && job.holdKey == nil)
        let hold = try #require(try await holds(queue).first)
        #expect(hold.count == 1 && hold.liftedAt == nil)
        try await wait(queue)
        #expect(try await tend(queue) == 1)
        #expect(try await queue.claim().map(\.jobID) == [ids[1]])
    }

    @Test("A held job that a person replays is let out alone; one that is given back at a shutdown is a probe still")
    func byHand() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(2, queue)
        _ = try await JobStore.replay([ids[1]], by: Actor("a", reason: "r"), on: queue.connection)
        let leases = try await queue.claim()
        #expect(leases.map(\.jobID) == [ids[1]] && leases[0].holdKey == Self.key)
        _ = try await JobQueue.release(leases, on: queue.connection)
        let again = try await queue.claim()
        #expect(again.map(\.holdKey) == [Self.key])
        try await queue.finish(again, .done(outcome: "ok"))
        #expect(try await holds(queue).first?.liftedAt != nil)
    }

    @Test("A hold that nobody waits under any more is gone at the next look, but not while its last job is out")
    func empty() async throws {
        let queue = try await QueueFixture()
        let ids = try await held(2, queue)
        try await wait(queue)
        _ = try await tend(queue)
        _ = try await JobStore.cancel([ids[1]], by: Actor("a", reason: "r"), on: queue.connection)
        try await wait(queue)
        #expect(try await tend(queue) == 0)
        #expect(try await holds(queue).map(\.count) == [0])
        try await queue.finish(queue.claim(), .fail(JobFailure(cause: "c", message: "m")))
        try await wait(queue)
        #expect(try await tend(queue) == 0)
        #expect(try await holds(queue).isEmpty)
    }

    @Test("A person's release is written down, a dry run changes nothing, and an unknown key finds nothing")
    func release() async throws {
        let queue = try await QueueFixture()
        _ = try await held(2, queue)
        let actor = Actor("night operator", reason: "the key was changed")
        #expect(try await JobStore.release(hold: "other", by: actor, on: queue.connection).isEmpty)
        #expect(
            try await JobStore.release(hold: Self.key, by: actor, dryRun: true, on: queue.connection).map(\.count)
                == [2])
        #expect(try await holds(queue).first?.liftedAt == nil)
        #expect(
            try await JobStore.release(hold: Self.key, queue: "elsewhere", by: actor, on: queue.connection).isEmpty)
        #expect(try await JobStore.release(hold: Self.key, by: actor, on: queue.connection).map(\.key) == [Self.key])
        #expect(try await JobStore.release(hold: Self.key, by: actor, on: queue.connection).isEmpty)
        let rows = try await queue.connection.query(
            Statement("test", "SELECT actor || ' ' || reason || ' ' || hold_key FROM settled.job_events"))
        #expect(try rows.map { try $0.text(0) } == ["night operator the key was changed gateway:1"])
    }

    @Test("Held jobs whose hold somebody deleted get it back")
    func restored() async throws {
        let queue = try await QueueFixture()
        _ = try await held(2, queue)
        try await queue.execute("DELETE FROM settled.holds")
        try await queue.connection.transaction { try JobQueue.restoreHolds(in: $0) }
        #expect(try await holds(queue).map(\.count) == [2])
        #expect(try await tend(queue) == 1)
    }

    @Test("A hold that ends while another job joins it is not lost: the job has a hold")
    func joinsWhileEnding() async throws {
        let queue = try await QueueFixture()
        _ = try await held(1, queue)
        let ids = try await queue.enqueue(1)
        let joining = try await queue.claim()
        try await queue.execute("DELETE FROM settled.jobs WHERE state = 'held'")
        try await wait(queue)
        // The one that joins holds the row's lock until its commit; who ends holds passes it over and comes again.
        let other = try await TestDatabase.current.connect()
        let hold = hold
        try await queue.connection.transaction { tx in
            let (live, now) = try JobQueue.lockLive(joining, in: tx)
            try JobQueue.finish(live.map { ($0, hold) }, now: now, in: tx)
            _ = try tx.query(Statement("test_pause", "SELECT 1"))
        }
        let released = try await other.transaction { try JobQueue.tendHolds(in: $0).released }
        await other.close()
        #expect(released == 1)
        #expect(try await queue.job(ids[0]).state == .ready)
        #expect(try await holds(queue).count == 1)
    }

    @Test("The table refuses a held job without a key or a reason, and a key where none belongs")
    func constraints() async throws {
        let queue = try await QueueFixture()
        _ = try await held(1, queue)
        for sql in [
            "UPDATE settled.jobs SET hold_key = NULL WHERE state = 'held'",
            "UPDATE settled.jobs SET cause = NULL WHERE state = 'held'",
            "UPDATE settled.jobs SET state = 'quarantined' WHERE state = 'held'",
            "UPDATE settled.jobs SET hold_key = '' WHERE state = 'held'",
            "UPDATE settled.holds SET lifted_at = now()",
        ] {
            await #expect(throws: PostgresError.self, "\(sql)") { try await queue.execute(sql) }
        }
    }

    @Test("Two runners that share nothing but the database find out by themselves that the cause has passed")
    func runners() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let isUp = Journal<Bool>()
        let called = Journal<Int64>()
        let ended = Journal<String>()
        let key = Self.key
        func runner() -> JobRunner<ClosureHandler<Disposition>> {
            let board = HoldBoard()
            let handler = ClosureHandler { lease in
                if lease.holdKey != key, let entry = board.standing(key) {
                    return .hold(key: key, cause: entry.cause, reason: entry.reason)
                }
                called.append(lease.jobID)
                return isUp.entries.isEmpty
                    ? .hold(key: key, cause: "timeout", reason: "r") : .done(outcome: "attempt \(lease.attempt)")
            }
            return JobRunner(
                queue: "work", handler: handler, pool: pool,
                settings: RunnerSettings(
                    concurrency: 8, pollInterval: .milliseconds(20), probeInterval: .milliseconds(50),
                    holdInterval: .milliseconds(10)),
                holds: board,
                hooks: JobHooks(finished: { _, outcome, _ in ended.append(outcome) }), logger: .silent)
        }
        let ids = try await queue.enqueue(300)
        try await running([pool, runner(), runner()]) {
            // All are held, and two probes found that nothing had changed.
            await ended.wait { $0.filter { $0 == "held" }.count >= 302 }
            isUp.append(true)
            await ended.wait { $0.filter { $0 == "attempt 1" }.count >= 300 }
        }
        // The first few of each were called before the hold was known, and one now and then since.
        #expect(called.entries.count < 300 + 100)
        let fresh = try await QueueFixture()
        #expect(try await fresh.states(ids) == [.done: 300])
    }
}
