import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import JobQueue

@Suite(.database, .timeLimit(.minutes(5))) struct JobRunnerTests {
    /// Quick intervals, and a poll so rare that only signals can explain progress where a test says so.
    private func settings(
        poll: Duration = .milliseconds(20), concurrency: Int = 64, drain: Duration = .seconds(25),
        timeLimit: Duration = .seconds(300)
    ) -> RunnerSettings {
        RunnerSettings(
            concurrency: concurrency, heartbeatInterval: .milliseconds(50), rescueInterval: .milliseconds(50),
            pollInterval: poll, dueInterval: .milliseconds(10), timeLimit: timeLimit, drainLimit: drain)
    }

    /// A runner whose finished jobs are written down as `kind outcome`.
    private func runner<H: JobHandler>(
        _ handler: H, _ pool: Pool, _ settings: RunnerSettings, signal: JobSignal? = nil, journal: Journal<String>,
        stale: Journal<String> = Journal(), claimed: Journal<Int> = Journal()
    ) -> JobRunner<H> {
        JobRunner(
            queue: QueueFixture.queue, handler: handler, pool: pool, settings: settings, signal: signal,
            hooks: JobHooks(
                claimed: { _, count in claimed.append(count) },
                finished: { kind, outcome, _ in journal.append("\(kind) \(outcome)") },
                staleCompletion: { stale.append($0) }),
            logger: .silent)
    }

    @Test("Every job is performed and done, by polling alone, when the runner is started after they were enqueued")
    func drains() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(300)
        let pool = queue.pool()
        let journal = Journal<String>()
        let handler = ClosureHandler { _ in .done(outcome: "ok") }
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await journal.wait { $0.count >= 300 }
            _ = try await queue.enqueue(1)
            await journal.wait { $0.count >= 301 }
        }
        #expect(try await queue.states(ids) == [.done: 300])
        #expect(journal.entries.count == 301)
        #expect(try await JobStore.workers(on: queue.connection).first?.stoppedAt != nil)
    }

    @Test("Two runners on one queue do each job once")
    func two() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let performed = Mutex<[Int64: Int]>([:])
        let handler = ClosureHandler { lease in
            performed.withLock { $0[lease.jobID, default: 0] += 1 }
            return .done(outcome: "ok")
        }
        let first = runner(handler, pool, settings(concurrency: 8), journal: journal)
        let second = runner(handler, pool, settings(concurrency: 8), journal: journal)
        try await running([pool, first, second]) {
            for _ in 0..<5 { try await queue.enqueue(100) }
            await journal.wait { $0.count >= 500 }
        }
        let counts = performed.withLock(\.self)
        #expect(counts.count == 500 && counts.values.allSatisfy { $0 == 1 })
        #expect(journal.entries.count == 500)
    }

    @Test("What record writes is committed with the completion; a job at fault is found and quarantined alone")
    func bisects() async throws {
        let queue = try await QueueFixture()
        try await queue.execute("CREATE TABLE effects (n bigint PRIMARY KEY CHECK (n <> 42))")
        let pool = queue.pool()
        let journal = Journal<String>()
        let insert = Statement("test_effects", "INSERT INTO effects SELECT unnest($1::bigint[])")
        let handler = ClosureHandler(
            performing: { $0.jobID },
            recording: { finished, tx in
                _ = try tx.query(insert, [.int8Array(finished.map(\.output))])
                return finished.map { _ in .done(outcome: "ok") }
            })
        let ids = try await queue.enqueue(100)
        try #require(ids.contains(42))
        try await running([pool, runner(handler, pool, settings(concurrency: 100), journal: journal)]) {
            await journal.wait { $0.count >= 100 }
        }
        #expect(try await queue.states(ids) == [.done: 99, .quarantined: 1])
        let culprit = try await queue.show(42)
        #expect(culprit.job.state == .quarantined && culprit.job.cause == "record_failed")
        #expect(culprit.job.message?.contains("23514") == true)
        let effects = try await queue.connection.query(Statement("test_sum", "SELECT count(*) FROM effects"))
        #expect(try effects.first?.int8(0) == 99)
    }

    @Test("A handler that answers the wrong number of dispositions commits nothing of what it wrote")
    func wrongCount() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let handler = ClosureHandler(performing: { _ in 0 }, recording: { _, _ in [] })
        let ids = try await queue.enqueue(2)
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await journal.wait { $0.count >= 2 }
        }
        #expect(try await queue.states(ids) == [.quarantined: 2])
    }

    @Test("A deadlock in record repeats the batch")
    func repeats() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let tries = Mutex(0)
        let handler = ClosureHandler(
            performing: { _ in 0 },
            recording: { finished, tx in
                let isFirst = tries.withLock { tries in
                    tries += 1
                    return tries == 1
                }
                if isFirst { try tx.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$") }
                return finished.map { _ in .done(outcome: "ok") }
            })
        let ids = try await queue.enqueue(1)
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await journal.wait { $0.count >= 1 }
        }
        #expect(try await queue.states(ids) == [.done: 1])
        #expect(tries.withLock(\.self) == 2)
    }

    @Test("Work goes on after the server ended every connection in the middle of a batch")
    func lostConnections() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let tries = Mutex(0)
        let handler = ClosureHandler(
            performing: { _ in 0 },
            recording: { finished, tx in
                let isFirst = tries.withLock { tries in
                    tries += 1
                    return tries == 1
                }
                if isFirst {
                    let kill = Statement(
                        "test_kill",
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
                    _ = try tx.query(kill)
                }
                return finished.map { _ in .done(outcome: "ok") }
            })
        let ids = try await queue.enqueue(20)
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await journal.wait { $0.count >= 20 }
        }
        let fresh = try await QueueFixture()
        #expect(try await fresh.states(ids) == [.done: 20])
    }

    @Test("A retried and a snoozed job come again when due")
    func comesAgain() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let handler = ClosureHandler { lease in
            switch lease.epoch {
            case 1: .retry(JobFailure(cause: "c", message: "m"), after: .zero)
            case 2: .snooze(after: .zero, reason: "r")
            default: .done(outcome: "attempt \(lease.attempt)")
            }
        }
        try await queue.enqueue(1)
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await journal.wait { $0.count >= 3 }
        }
        #expect(journal.entries == ["test retrying", "test scheduled", "test attempt 2"])
    }

    @Test("A runner that was frozen past its lease has its late completion refused and counted")
    func zombie() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let stale = Journal<String>()
        let entered = Journal<Int64>()
        let release = Journal<Bool>()
        let handler = ClosureHandler { lease in
            entered.append(lease.epoch)
            // The first claim's handler is the one that is frozen; the job's next claim is quick.
            if lease.epoch == 1 { await release.wait { !$0.isEmpty } }
            return .done(outcome: "epoch \(lease.epoch)")
        }
        var frozen = settings()
        // No heartbeat in this test's lifetime: a frozen process sends none.
        frozen.heartbeatInterval = .seconds(3600)
        let id = try await queue.enqueue(1)[0]
        try await running([pool, runner(handler, pool, frozen, journal: journal, stale: stale)]) {
            await entered.wait { $0 == [1] }
            try await queue.lapse([id])
            await journal.wait { $0.count >= 1 }
            release.append(true)
            await stale.wait { $0.count >= 1 }
        }
        #expect(journal.entries == ["test epoch 2"])
        #expect(stale.entries == ["work"])
        #expect(try await queue.job(id).outcome == "epoch 2")
    }

    @Test("Heartbeats extend the leases of what runs")
    func extendsLeases() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let release = Journal<Bool>()
        let entered = Journal<Int64>()
        let handler = ClosureHandler { lease in
            entered.append(lease.epoch)
            await release.wait { !$0.isEmpty }
            return .done(outcome: "epoch \(lease.epoch)")
        }
        let id = try await queue.enqueue(1)[0]
        try await running([pool, runner(handler, pool, settings(), journal: journal)]) {
            await entered.wait { !$0.isEmpty }
            let granted = try #require(try await queue.job(id).leaseExpiresAt)
            while try await queue.job(id).leaseExpiresAt == granted { await Task.yield() }
            #expect(try await queue.job(id).state == .running)
            release.append(true)
            await journal.wait { $0.count >= 1 }
        }
        #expect(journal.entries == ["test epoch 1"])
    }

    @Test("A handler that hangs costs its job an attempt, not the queue")
    func timeLimit() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let handler = ClosureHandler { lease in
            if lease.epoch == 1 { try? await Task.sleep(for: .seconds(3600)) }
            return .done(outcome: "attempt \(lease.attempt)")
        }
        let id = try await queue.enqueue(1)[0]
        try await running([pool, runner(handler, pool, settings(timeLimit: .milliseconds(10)), journal: journal)]) {
            await journal.wait { $0.count >= 1 }
            // Full jitter would have it wait for up to a second.
            try await queue.execute("UPDATE settled.jobs SET run_at = now() WHERE state = 'retrying'")
            await journal.wait { $0.count >= 2 }
        }
        #expect(journal.entries == ["test retrying", "test attempt 2"])
        #expect(try await queue.show(id).attempts.map(\.cause) == ["time_limit"])
    }

    @Test("A suspect runs alone: it waits until what runs has ended, and nothing begins beside it")
    func suspectAlone() async throws {
        let queue = try await QueueFixture()
        let pool = queue.pool()
        let journal = Journal<String>()
        let entered = Journal<Int64>()
        let release = Journal<Bool>()
        let inside = Mutex(0)
        let handler = ClosureHandler { lease in
            let others = inside.withLock { inside in
                defer { inside += 1 }
                return inside
            }
            entered.append(lease.jobID)
            if lease.args == "{\"waits\": true}" { await release.wait { !$0.isEmpty } }
            inside.withLock { $0 -= 1 }
            return .done(outcome: lease.isSuspect ? "beside \(others)" : "ok")
        }
        let gate = SuspectGate()
        let runners = (0..<2).map { _ in
            JobRunner(
                queue: QueueFixture.queue, handler: handler, pool: pool, settings: settings(concurrency: 10),
                gate: gate, hooks: JobHooks(finished: { _, outcome, _ in journal.append(outcome) }), logger: .silent)
        }
        for _ in 0..<5 { _ = try await queue.enqueue(NewJob(queue: "work", kind: "k", args: "{\"waits\": true}")) }
        try await running([pool] + runners) {
            await entered.wait { $0.count >= 5 }
            // Suspects from the first moment: a runner would claim them as ordinary jobs before they are marked.
            try await queue.execute(
                "INSERT INTO settled.jobs (queue, kind, suspect) SELECT 'work', 'k', true FROM generate_series(1, 3)")
            // The gate is shut for the others as soon as the suspect waits.
            while gate.enter() {
                gate.leave()
                await Task.yield()
            }
            try await queue.enqueue(20)
            release.append(true)
            await journal.wait { $0.count >= 28 }
        }
        #expect(journal.entries.filter { $0.hasPrefix("beside") } == ["beside 0", "beside 0", "beside 0"])
    }

    @Test("A shutdown lets what runs end, claims no more, and gives back the rest without blame when it takes too long")
    func shutdown() async throws {
        let queue = try await QueueFixture()
        let journal = Journal<String>()
        let entered = Journal<Int64>()
        let release = Journal<Bool>()
        let handler = ClosureHandler { lease in
            entered.append(lease.jobID)
            if lease.args == "{\"n\": 0}" {
                await release.wait { !$0.isEmpty }
                return .done(outcome: "ended")
            }
            try? await Task.sleep(for: .seconds(3600))
            return .done(outcome: "too late")
        }
        // The one that ends in time.
        let patient = try await queue.enqueue(1)[0]
        let patientPool = queue.pool()
        let patientRunner = runner(handler, patientPool, settings(concurrency: 1), journal: journal)
        let ending = Task {
            try await running([patientPool, patientRunner]) {
                await entered.wait { !$0.isEmpty }
                try await queue.enqueue(1)
            }
        }
        await entered.wait { !$0.isEmpty }
        let stopping = Statement("test_stopping", "SELECT count(stopping_at) FROM settled.workers")
        while try await queue.connection.query(stopping).first?.int8(0) != 1 { await Task.yield() }
        release.append(true)
        try await ending.value
        #expect(journal.entries == ["test ended"])
        #expect(try await queue.job(patient).outcome == "ended")
        let waiting = try await JobStore.list(JobFilter(state: .ready), on: queue.connection)
        #expect(waiting.map(\.leaseEpoch) == [0])

        // The ones that do not.
        let slow = try await queue.enqueue(2)
        try await queue.execute("DELETE FROM settled.jobs WHERE id = \(waiting[0].id)")
        let pool = queue.pool()
        try await running([
            pool, runner(handler, pool, settings(concurrency: 2, drain: .milliseconds(50)), journal: journal),
        ]) {
            try await queue.execute("UPDATE settled.jobs SET args = '{}'")
            await entered.wait { $0.count >= 3 }
        }
        let detail = try await queue.show(slow[1])
        #expect(detail.job.state == .ready && !detail.job.isSuspect && detail.job.attempt == 0)
        #expect(detail.attempts.map(\.disposition) == ["released"])
    }
}
