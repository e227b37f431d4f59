import JobQueue
import Postgres
import TestSupport
import Testing

@Suite(.database, .timeLimit(.minutes(5))) struct FinishTests {
    let failure = JobFailure(cause: "gateway", message: "no answer")

    @Test("A done job moves to the history with its outcome")
    func done() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(NewJob(queue: "work", kind: "k", args: "{\"a\": 1}", subject: "T")).jobID
        try await queue.finish(queue.claim(), .done(outcome: "settled", note: "fine"))
        let detail = try await queue.show(id)
        #expect(detail.job.state == .done && detail.job.outcome == "settled" && detail.job.note == "fine")
        #expect(detail.job.args == "{\"a\": 1}" && detail.job.subject == "T" && detail.job.finishedAt != nil)
        #expect(detail.attempts.isEmpty)
        #expect(try await count("settled.jobs", queue) == 0)
    }

    @Test("A failed and a cancelled job move to the history with their reason")
    func ended() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(2)
        let leases = try await queue.claim()
        try await queue.finish([leases[0]], .fail(failure))
        try await queue.finish([leases[1]], .cancel(reason: "not wanted"))
        let failed = try await queue.show(ids[0])
        #expect(failed.job.state == .failed && failed.job.cause == "gateway" && failed.job.message == "no answer")
        #expect(failed.attempts.map(\.disposition) == ["fail"])
        let cancelled = try await queue.job(ids[1])
        #expect(cancelled.state == .cancelled && cancelled.note == "not wanted" && cancelled.outcome == nil)
    }

    @Test("A retry waits for its time, spends an attempt, keeps the error of each attempt, and comes again when due")
    func retry() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        for attempt in 1...3 {
            let leases = try await queue.claim()
            #expect(leases.map(\.attempt) == [attempt])
            try await queue.finish(
                leases, .retry(JobFailure(cause: "c\(attempt)", message: "m"), after: .seconds(3600)))
            #expect(try await queue.claim().isEmpty)
            #expect(try await JobQueue.makeDueReady(on: queue.connection).count == 0)
            try await queue.execute("UPDATE settled.jobs SET run_at = now()")
            let due = try await JobQueue.makeDueReady(on: queue.connection)
            #expect(due.count == 1 && due.queues == ["work"])
        }
        let detail = try await queue.show(id)
        #expect(detail.job.state == .ready && detail.job.attempt == 3 && detail.job.cause == "c3")
        #expect(detail.attempts.map(\.cause) == ["c1", "c2", "c3"])
        #expect(detail.attempts.map(\.leaseEpoch) == [1, 2, 3])
    }

    @Test("A snooze waits but spends no attempt")
    func snooze() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        try await queue.finish(queue.claim(), .snooze(after: .zero, reason: "pending"))
        let job = try await queue.job(id)
        #expect(job.state == .scheduled && job.attempt == 0 && job.note == "pending" && job.cause == nil)
        #expect(try await JobQueue.makeDueReady(on: queue.connection).count == 1)
        #expect(try await queue.claim().map(\.attempt) == [1])
    }

    @Test("A retry whose budget is spent is quarantined")
    func budget() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        try await queue.execute("UPDATE settled.jobs SET first_attempt_at = now() - interval '73 hours'")
        try await queue.finish(queue.claim(), .retry(failure))
        let job = try await queue.job(id)
        #expect(job.state == .quarantined && job.cause == "retry_budget_spent")
    }

    @Test("A job that becomes due goes behind those that are ready, with a new number above every mark")
    func dueOrder() async throws {
        let queue = try await QueueFixture()
        let early = try await queue.enqueue(NewJob(queue: "work", kind: "k", start: .after(.seconds(60)))).jobID
        let ready = try await queue.enqueue(3)
        try await queue.execute("UPDATE settled.jobs SET run_at = now() WHERE id = \(early)")
        _ = try await JobQueue.makeDueReady(on: queue.connection)
        #expect(try await queue.claim().map(\.jobID) == ready + [early])
    }

    @Test("A stale completion changes nothing, and the live ones beside it are completed")
    func stale() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(3)
        let first = try await queue.claim()
        try await queue.lapse([ids[1]])
        _ = try await queue.rescue()
        let second = try await queue.claim()
        #expect(second.map(\.jobID) == [ids[1]] && second.map(\.epoch) == [2])
        let live = try await queue.finish(first, .done(outcome: "first"))
        #expect(live.map(\.jobID) == [ids[0], ids[2]])
        #expect(try await queue.job(ids[1]).state == .running)
        #expect(try await queue.finish(second, .done(outcome: "second")).count == 1)
        #expect(try await queue.finish(first, .done(outcome: "late")).isEmpty)
        #expect(try await queue.job(ids[1]).outcome == "second")
    }

    @Test("A lease that has run out but was not taken back is still good")
    func lateButFirst() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(1)
        let leases = try await queue.claim()
        try await queue.lapse(ids)
        #expect(try await queue.finish(leases, .done(outcome: "ok")).count == 1)
    }

    @Test("Live leases are locked in the order of their ids, whatever order they are given in")
    func lockOrder() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(20)
        let leases = try await queue.claim()
        #expect(try await queue.finish(leases.shuffled(), .done(outcome: "ok")).map(\.jobID) == ids)
    }

    private func count(_ table: String, _ queue: QueueFixture) async throws -> Int64 {
        let rows = try await queue.connection.query(Statement("test_count_\(table)", "SELECT count(*) FROM \(table)"))
        return try #require(rows.first).int8(0)
    }

    @Test("A job that ends needs the lease that the lock returned: without its place nothing is written")
    func unplaced() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        let leases = try await queue.claim()
        await #expect(throws: JobQueueError.self) {
            try await queue.connection.transaction { tx in
                let (_, now) = try JobQueue.lockLive(leases, in: tx)
                try JobQueue.finish(leases.map { ($0, .done(outcome: "ok")) }, now: now, in: tx)
            }
        }
        #expect(try await queue.job(id).state == .running)
        #expect(try await queue.finish(leases, .done(outcome: "ok")).count == 1)
        #expect(try await queue.states([id]) == [.done: 1])
    }

    @Test("A row that moved within the transaction that completes it is neither copied nor removed")
    func moved() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        let leases = try await queue.claim()
        await #expect(throws: JobQueueError.self) {
            try await queue.connection.transaction { tx in
                let (live, now) = try JobQueue.lockLive(leases, in: tx)
                try tx.execute("UPDATE settled.jobs SET note = 'moved'")
                try JobQueue.finish(live.map { ($0, .done(outcome: "ok")) }, now: now, in: tx)
            }
        }
        #expect(try await queue.job(id).state == .running)
    }

    @Test("The plans of claims and completions are made once, however few jobs they are for")
    func plannedOnce() async throws {
        let queue = try await QueueFixture()
        let worker = try await queue.worker()
        for _ in 0..<3 {
            try await queue.enqueue(1)
            try await queue.finish(queue.claim(worker: worker), .done(outcome: "ok"))
        }
        let plans = try await queue.connection.query(
            Statement(
                "test_plans",
                """
                SELECT name, generic_plans, custom_plans FROM pg_prepared_statements
                WHERE name IN ('jobs_claim', 'jobs_lock', 'jobs_keep_ended', 'jobs_remove_ended') ORDER BY name
                """))
        #expect(
            try plans.map { try $0.text(0) } == ["jobs_claim", "jobs_keep_ended", "jobs_lock", "jobs_remove_ended"])
        #expect(try plans.allSatisfy { try $0.int8(1) == 3 && $0.int8(2) == 0 })
    }
}
