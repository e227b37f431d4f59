import JobQueue
import Postgres
import TestSupport
import Testing

@Suite(.database, .timeLimit(.minutes(5))) struct InterventionTests {
    let failure = JobFailure(cause: "gateway", message: "no answer")
    let actor = Actor("night operator", reason: "the gateway was down")

    /// One job in each state, by state.
    private func jobs(_ queue: QueueFixture) async throws -> [JobState: Int64] {
        let dispositions: [(JobState, Disposition)] = [
            (.done, .done(outcome: "ok")), (.failed, .fail(failure)), (.cancelled, .cancel(reason: "r")),
            (.quarantined, .quarantine(failure)), (.retrying, .retry(failure, after: .seconds(60))),
            (.scheduled, .snooze(after: .seconds(60), reason: "r")),
            (.held, .hold(key: "gateway:1", cause: "timeout", reason: "r")),
        ]
        var ids: [JobState: Int64] = [:]
        for (state, disposition) in dispositions {
            ids[state] = try await queue.enqueue(1)[0]
            try await queue.finish(queue.claim(), disposition)
        }
        ids[.running] = try await queue.enqueue(1)[0]
        _ = try await queue.claim()
        ids[.ready] = try await queue.enqueue(1)[0]
        return ids
    }

    @Test(
        "Each intervention changes the states it is for and refuses the others; a dry run says the same and changes nothing"
    )
    func matrix() async throws {
        let replayable: Set<JobState> = [.held, .quarantined, .failed, .cancelled]
        let acts:
            [(String, Set<JobState>, JobState, @Sendable ([Int64], Bool, isolated Connection) throws -> [Intervention])] =
                [
                    ("replay", replayable, .ready, { try JobStore.replay($0, by: self.actor, dryRun: $1, on: $2) }),
                    (
                        "cancel", [.ready, .scheduled, .retrying, .held, .quarantined], .cancelled,
                        { try JobStore.cancel($0, by: self.actor, dryRun: $1, on: $2) }
                    ),
                    (
                        "resolve", [.quarantined], .done,
                        { try JobStore.resolve($0, as: "accepted", by: self.actor, dryRun: $1, on: $2) }
                    ),
                    (
                        "quarantine", [.ready, .scheduled, .retrying, .held], .quarantined,
                        { try JobStore.quarantine($0, by: self.actor, dryRun: $1, on: $2) }
                    ),
                ]
        for (name, allowed, result, act) in acts {
            let queue = try await QueueFixture()
            let ids = try await jobs(queue)
            let states = JobState.allCases
            let list = states.compactMap { ids[$0] } + [999_999_999]
            let expected: [Intervention.Result] =
                states.map { allowed.contains($0) ? .changed : .refused($0) } + [.unknown]
            #expect(try await act(list, true, queue.connection).map(\.result) == expected, "dry run of \(name)")
            for (state, id) in ids { #expect(try await queue.job(id).state == state) }
            #expect(try await act(list, false, queue.connection).map(\.result) == expected, "\(name)")
            for (state, id) in ids {
                let detail = try await queue.show(id)
                #expect(detail.job.state == (allowed.contains(state) ? result : state), "\(name) of \(state)")
                #expect(detail.events.map(\.action) == (allowed.contains(state) ? [name] : []))
                if let event = detail.events.first {
                    #expect(event.actor == actor.name && event.reason == actor.reason)
                    #expect(event.from == state.rawValue && event.to == result.rawValue)
                }
            }
            try await queue.execute(
                "TRUNCATE settled.jobs, settled.job_history, settled.job_attempts, settled.job_events")
        }
    }

    @Test("A replayed job begins a new budget, keeps its history, and no claim before it can ever complete it")
    func replay() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(NewJob(queue: "work", kind: "k", subject: "T", uniqueKey: "u")).jobID
        let early = try await queue.claim()
        try await queue.lapse([id])
        _ = try await queue.rescue()
        let second = try await queue.claim()
        try await queue.finish(second, .fail(failure))
        #expect(try await JobStore.replay([id], by: actor, on: queue.connection).map(\.result) == [.changed])
        let lease = try #require(try await queue.claim().first)
        #expect(lease.epoch == 3 && lease.attempt == 1 && lease.firstAttemptAt == lease.claimedAt)
        #expect(try await queue.finish(early, .done(outcome: "late")).isEmpty)
        #expect(try await queue.finish(second, .done(outcome: "late")).isEmpty)
        try await queue.finish([lease], .done(outcome: "ok"))
        let detail = try await queue.show(id)
        #expect(detail.job.outcome == "ok" && detail.job.subject == "T" && detail.job.uniqueKey == "u")
        #expect(detail.attempts.map(\.disposition) == ["lost", "fail"])
        #expect(detail.events.map(\.cause) == ["gateway"])
    }

    @Test("A job whose key another live job holds is not replayed, and stays where it is; of two with one key one is")
    func keys() async throws {
        let queue = try await QueueFixture()
        let job = NewJob(queue: "work", kind: "k", uniqueKey: "u")
        var ids: [Int64] = []
        for _ in 0..<2 {
            ids.append(try await queue.enqueue(job).jobID)
            try await queue.finish(queue.claim(), .fail(failure))
        }
        let both = try await JobStore.replay(ids, by: actor, on: queue.connection)
        #expect(Set(both.map(\.result)) == [.changed, .keyTaken])
        #expect(try await queue.states(ids) == [.ready: 1, .failed: 1])
        #expect(
            try await JobStore.replay(ids, by: actor, dryRun: true, on: queue.connection).map(\.result).contains(
                .keyTaken))
    }

    @Test("Replay by filter takes what matches, at most so many, and nothing else")
    func filter() async throws {
        let queue = try await QueueFixture()
        let ids = try await queue.enqueue(6)
        let leases = try await queue.claim()
        try await queue.finish(Array(leases[..<4]), .quarantine(failure))
        try await queue.finish(Array(leases[4...]), .quarantine(JobFailure(cause: "other", message: "m")))
        let replayed = try await JobStore.replay(
            JobFilter(cause: "gateway"), limit: 3, by: actor, on: queue.connection)
        #expect(replayed.map(\.jobID) == [ids[3], ids[2], ids[1]])
        #expect(try await queue.states(ids) == [.ready: 3, .quarantined: 3])
    }

    @Test("A resolved job is done with the person's verdict and reason, and keeps what was wrong")
    func resolve() async throws {
        let queue = try await QueueFixture()
        let id = try await queue.enqueue(1)[0]
        try await queue.finish(queue.claim(), .quarantine(failure))
        _ = try await JobStore.resolve([id], as: "dismissed", by: actor, on: queue.connection)
        let job = try await queue.job(id)
        #expect(job.outcome == "dismissed" && job.note == actor.reason && job.cause == "gateway")
    }
}
