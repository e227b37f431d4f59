import JobQueue
import Logging
import Postgres
import TestSupport
import Testing

@Suite(.database, .timeLimit(.minutes(5))) struct JobListTests {
    let failure = JobFailure(cause: "gateway", message: "no answer")

    @Test("Live and ended jobs are one list, newest first, page by page, and every filter narrows it")
    func list() async throws {
        let queue = try await QueueFixture()
        var ids: [Int64] = []
        for n in 0..<6 {
            ids.append(
                try await queue.enqueue(NewJob(queue: "work", kind: n % 2 == 0 ? "even" : "odd", subject: "T\(n)"))
                    .jobID)
        }
        ids.append(try await queue.enqueue(NewJob(queue: "other", kind: "odd")).jobID)
        let leases = try await queue.claim(4)
        try await queue.finish([leases[0]], .done(outcome: "ok"))
        try await queue.finish([leases[1]], .fail(failure))
        try await queue.finish([leases[2]], .quarantine(failure))
        func list(_ filter: JobFilter, before: Int64? = nil, limit: Int = 100) async throws -> [Int64] {
            try await JobStore.list(filter, before: before, limit: limit, on: queue.connection).map(\.id)
        }
        #expect(try await list(JobFilter()) == ids.reversed())
        #expect(try await list(JobFilter(), limit: 3) == [ids[6], ids[5], ids[4]])
        #expect(try await list(JobFilter(), before: ids[4], limit: 3) == [ids[3], ids[2], ids[1]])
        #expect(try await list(JobFilter(), limit: -1).isEmpty)
        #expect(try await list(JobFilter(state: .done)) == [ids[0]])
        #expect(try await list(JobFilter(state: .quarantined)) == [ids[2]])
        #expect(try await list(JobFilter(state: .running)) == [ids[3]])
        #expect(try await list(JobFilter(queue: "other")) == [ids[6]])
        #expect(try await list(JobFilter(kind: "odd")) == [ids[6], ids[5], ids[3], ids[1]])
        #expect(try await list(JobFilter(queue: "work", kind: "odd"), before: ids[5]) == [ids[3], ids[1]])
        #expect(try await list(JobFilter(cause: "gateway")) == [ids[2], ids[1]])
        #expect(try await list(JobFilter(state: .failed, cause: "gateway")) == [ids[1]])
        #expect(try await list(JobFilter(subject: "T3")) == [ids[3]])
        #expect(try await list(JobFilter(subject: "' OR 1=1 --")).isEmpty)
        #expect(try await JobStore.show(999_999, on: queue.connection) == nil)
    }

    @Test("Counts tell live jobs by queue and state and the age of the oldest ready one; causes are grouped")
    func counts() async throws {
        let queue = try await QueueFixture()
        try await queue.enqueue(3)
        try await queue.finish(queue.claim(2), .quarantine(failure))
        try await queue.execute("UPDATE settled.jobs SET run_at = now() - interval '90 seconds' WHERE state = 'ready'")
        let counts = try await JobStore.counts(on: queue.connection)
        #expect(counts.map(\.state) == [.quarantined, .ready] && counts.map(\.count) == [2, 1])
        #expect(counts[0].oldestReadyAge == nil)
        let age = try #require(counts[1].oldestReadyAge)
        #expect(age >= .seconds(90) && age < .seconds(150))
        let causes = try await JobStore.causes(on: queue.connection)
        #expect(causes.map(\.cause) == ["gateway"] && causes.map(\.count) == [2])
    }

    @Test(
        "Pruning takes ended jobs by their age and kind of end, in batches, with their attempts; never quarantined ones"
    )
    func prune() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(12)
        let leases = try await queue.claim()
        try await queue.finish(Array(leases[0..<7]), .done(outcome: "ok"))
        try await queue.finish(Array(leases[7..<10]), .fail(failure))
        try await queue.finish(Array(leases[10..<12]), .quarantine(failure))
        try await queue.execute(
            """
            UPDATE settled.job_history SET finished_at = now() - interval '10 days' WHERE id <> \(ids[0]);
            UPDATE settled.job_history SET finished_at = now() - interval '100 days' WHERE id = \(ids[9]);
            UPDATE settled.jobs SET created_at = now() - interval '100 days'
            """)
        let pool = queue.pool()
        let pruner = JobPruner(
            pool: pool, retention: Retention(done: .seconds(7 * 86_400), stopped: .seconds(90 * 86_400)), batch: 4,
            logger: .silent)
        #expect(try await pruner.runOnce() == 7)
        #expect(try await pruner.runOnce() == 0)
        await pool.close()
        let left = try await JobStore.list(on: queue.connection).map(\.id)
        #expect(left == [ids[11], ids[10], ids[8], ids[7], ids[0]])
        #expect(try await JobStore.show(ids[9], on: queue.connection) == nil)
        let attempts = try await queue.connection.query(
            Statement("test_attempts", "SELECT count(*) FROM settled.job_attempts"))
        #expect(try attempts.first?.int8(0) == 4)
    }
}
