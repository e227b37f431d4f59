import JobQueue
import Postgres
import TestSupport
import Testing

@Suite(.database, .timeLimit(.minutes(5))) struct EnqueueTests {
    @Test("Answers come in the order of the jobs, and each job is stored as it was given")
    func order() async throws {
        let queue = try await QueueFixture()
        let enqueued = try await JobQueue.enqueue(
            [
                NewJob(queue: "work", kind: "b", uniqueKey: "z"),
                NewJob(
                    queue: "work", kind: "a", args: "{\"x\": [1, \"二\"]}", priority: .urgent, subject: "T1",
                    uniqueKey: "a"),
                NewJob(queue: "other", kind: "c", start: .after(.seconds(3600))),
                NewJob(queue: "other", kind: "d", start: .at(Timestamp(unixSeconds: 1_000))),
            ], in: queue.connection)
        #expect(enqueued.map(\.isNew) == [true, true, true, true])
        #expect(Set(enqueued.map(\.jobID)).count == 4)
        var jobs: [Job] = []
        for entry in enqueued { jobs.append(try await queue.job(entry.jobID)) }
        #expect(jobs.map(\.kind) == ["b", "a", "c", "d"])
        #expect(jobs.map(\.state) == [.ready, .ready, .scheduled, .ready])
        #expect(jobs[1].priority == .urgent && jobs[1].subject == "T1" && jobs[1].uniqueKey == "a")
        #expect(jobs[1].args == "{\"x\": [1, \"二\"]}")
        let wait = jobs[2].runAt - jobs[2].createdAt
        #expect(wait == .seconds(3600))
        #expect(jobs[3].runAt == Timestamp(unixSeconds: 1_000))
    }

    @Test("Jobs without keys, too, answer in their order, and are claimed in it")
    func withoutKeys() async throws {
        let queue = try await QueueFixture()
        let jobs = (0..<40).map {
            NewJob(
                queue: "work", kind: "k\($0)", args: "{\"n\": \($0)}", subject: $0.isMultiple(of: 2) ? "s\($0)" : nil)
        }
        let later = NewJob(queue: "work", kind: "later", start: .after(.seconds(60)))
        let answers = try await JobQueue.enqueue(jobs + [later], in: queue.connection)
        #expect(answers.allSatisfy(\.isNew) && Set(answers.map(\.jobID)).count == 41)
        for (job, answer) in zip(jobs, answers) {
            let stored = try await queue.job(answer.jobID)
            #expect(stored.kind == job.kind && stored.args == job.args && stored.subject == job.subject)
            #expect(stored.state == .ready)
        }
        #expect(try await queue.job(answers[40].jobID).state == .scheduled)
        #expect(try await queue.claim().map(\.jobID) == answers.prefix(40).map(\.jobID))
    }

    @Test("Jobs of one sort that are to be run now answer in their order, each with its own arguments and subject")
    func alike() async throws {
        let queue = try await QueueFixture()
        let jobs = (0..<40).map {
            NewJob(
                queue: "work", kind: "k", args: "{\"n\": \($0)}", priority: .low,
                subject: $0.isMultiple(of: 2) ? "s\($0)" : nil)
        }
        let answers = try await JobQueue.enqueue(jobs, in: queue.connection)
        #expect(answers.allSatisfy(\.isNew) && Set(answers.map(\.jobID)).count == 40)
        for (job, answer) in zip(jobs, answers) {
            let stored = try await queue.job(answer.jobID)
            #expect(stored.kind == "k" && stored.args == job.args && stored.subject == job.subject)
            #expect(stored.state == .ready && stored.priority == .low)
        }
        #expect(try await queue.claim().map(\.jobID) == answers.map(\.jobID))
    }

    @Test(
        "One job of another sort is stored as it is, first or last",
        arguments: [
            NewJob(queue: "other", kind: "k"), NewJob(queue: "work", kind: "other"),
            NewJob(queue: "work", kind: "k", priority: .urgent),
            NewJob(queue: "work", kind: "k", start: .after(.seconds(60))),
        ])
    func almostAlike(odd: NewJob) async throws {
        let queue = try await QueueFixture()
        let usual = NewJob(queue: "work", kind: "k")
        for jobs in [[odd, usual, usual], [usual, usual, odd]] {
            for (job, answer) in zip(jobs, try await JobQueue.enqueue(jobs, in: queue.connection)) {
                let stored = try await queue.job(answer.jobID)
                #expect(stored.queue == job.queue && stored.kind == job.kind && stored.priority == job.priority)
                #expect(stored.state == (job.start == .now ? .ready : .scheduled))
            }
        }
        let scheduled = try await JobQueue.enqueue([odd, odd].filter { $0.start != .now }, in: queue.connection)
        for answer in scheduled { #expect(try await queue.job(answer.jobID).state == .scheduled) }
    }

    @Test("A duplicate names the job that holds the key and stores nothing; in one call the first is new")
    func duplicates() async throws {
        let queue = try await QueueFixture()
        let job = NewJob(queue: "work", kind: "k", uniqueKey: "key")
        let first = try await JobQueue.enqueue([job, job, NewJob(queue: "work", kind: "k")], in: queue.connection)
        #expect(first.map(\.isNew) == [true, false, true])
        #expect(first[1].jobID == first[0].jobID)
        let second = try await queue.enqueue(job)
        #expect(second == Enqueued(jobID: first[0].jobID, isNew: false))
        #expect(try await JobStore.list(on: queue.connection).count == 2)
    }

    @Test("A key is held until the job has ended: by a running and a quarantined job too")
    func liveness() async throws {
        let failure = JobFailure(cause: "c", message: "m")
        let cases: [(Disposition, isFree: Bool)] = [
            (.done(outcome: "ok"), true), (.fail(failure), true), (.cancel(reason: "r"), true),
            (.quarantine(failure), false), (.retry(failure, after: .seconds(60)), false),
            (.snooze(after: .seconds(60), reason: "r"), false),
        ]
        let queue = try await QueueFixture()
        let job = NewJob(queue: "work", kind: "k", uniqueKey: "key")
        for (disposition, isFree) in cases {
            _ = try await queue.enqueue(job)
            let leases = try await queue.claim()
            #expect(try await queue.enqueue(job).isNew == false)
            try await queue.finish(leases, disposition)
            #expect(try await queue.enqueue(job).isNew == isFree, "\(disposition)")
            try await queue.execute("DELETE FROM settled.jobs")
        }
    }

    @Test("Many connections with the same keys in different orders make one job for each key, without a deadlock")
    func concurrentKeys() async throws {
        let queue = try await QueueFixture()
        let pool = Pool(queue.settings, lanes: ["enqueue": 8], logger: .silent)
        let keys = (0..<50).map { "key \($0)" }
        let new = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let jobs = keys.shuffled().map { NewJob(queue: "work", kind: "k", uniqueKey: $0) }
                    return try await pool.transaction("enqueue") { tx in
                        try JobQueue.enqueue(jobs, in: tx)
                    }.filter(\.isNew).count
                }
            }
            var sum = 0
            for try await count in group { sum += count }
            return sum
        }
        await pool.close()
        #expect(new == keys.count)
        #expect(try await JobStore.list(limit: 1_000, on: queue.connection).count == keys.count)
    }

    @Test("Jobs vanish with the transaction that enqueued them")
    func rollback() async throws {
        struct Undo: Error {}
        let queue = try await QueueFixture()
        await #expect(throws: Undo.self) {
            try await queue.connection.transaction { tx in
                _ = try JobQueue.enqueue([NewJob(queue: "work", kind: "k")], in: tx)
                throw Undo()
            }
        }
        #expect(try await JobStore.list(on: queue.connection).isEmpty)
    }

    @Test(
        "The plain-SQL contract: an INSERT of queue and kind is a ready job; a quarantined one needs cause and message")
    func plainSQL() async throws {
        let queue = try await QueueFixture()
        try await queue.execute("INSERT INTO settled.jobs (queue, kind, args) VALUES ('work', 'k', '{\"a\": 1}')")
        let leases = try await queue.claim()
        #expect(leases.map(\.args) == ["{\"a\": 1}"])
        #expect(leases.first?.priority == .normal)
        try await queue.execute(
            "INSERT INTO settled.jobs (queue, kind, state, cause, message) VALUES ('work', 'k', 'quarantined', 'c', 'm')"
        )
        try await queue.execute(
            "INSERT INTO settled.jobs (queue, kind, state, run_at) VALUES ('work', 'k', 'scheduled', now() + interval '1 h')"
        )
    }

    @Test(
        "The table refuses what is in no state at all",
        arguments: [
            "(queue, kind, state) VALUES ('q', 'k', 'quarantined')", "(queue, kind, state) VALUES ('q', 'k', 'done')",
            "(queue, kind, state) VALUES ('q', 'k', 'running')", "(queue, kind, started) VALUES ('q', 'k', true)",
            "(queue, kind, priority) VALUES ('q', 'k', 4)", "(queue, kind) VALUES ('', 'k')",
            "(queue, kind, args) VALUES ('q', 'k', '[]')", "(queue, kind, state) VALUES ('q', 'k', 'retrying')",
            "(queue, kind, lease_owner) VALUES ('q', 'k', 1)",
        ])
    func constraints(values: String) async throws {
        let queue = try await QueueFixture()
        let error = await #expect(throws: PostgresError.self) {
            try await queue.execute("INSERT INTO settled.jobs \(values)")
        }
        #expect(error?.sqlState == "23514")
    }
}
