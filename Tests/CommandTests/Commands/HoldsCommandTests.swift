import Foundation
import JobQueue
import Postgres
import Settlement
import TestSupport
import Testing

@testable import settled

@Suite("settled holds", .database) struct HoldsCommandTests {
    private static let key = "app:2021000000000001"

    /// So many jobs that were answered with a hold.
    private func held(_ count: Int) async throws {
        let connection = try await TestDatabase.current.connect()
        _ = try await JobQueue.enqueue(
            (1...count).map { NewJob(queue: PayResultJob.queue, kind: "pay_result", subject: "T\($0)") }, in: connection
        )
        let worker = try await JobQueue.register(name: "w", queue: PayResultJob.queue, on: connection)
        let leases = try await JobQueue.claim(
            .init(queue: PayResultJob.queue, limit: count, worker: worker), on: connection)
        try await connection.transaction { tx in
            let (live, now) = try JobQueue.lockLive(leases, in: tx)
            let hold = Disposition.hold(
                key: Self.key, cause: "isv.invalid-signature", reason: "the gateway refuses the app")
            try JobQueue.finish(live.map { ($0, hold) }, now: now, in: tx)
        }
        await connection.close()
    }

    @Test func `what is held, by what, since when and how many, is shown in three places`() async throws {
        #expect(try await ProgramRun.settled("holds", "list").exitCode == 3)
        try await held(3)
        let list = try await ProgramRun.settled("holds", "list", "--json")
        let hold = try #require(try list.objects().first)
        #expect(hold["key"] as? String == Self.key && hold["held"] as? Int == 3 && hold["probes"] as? Int == 0)
        #expect(hold["cause"] as? String == "isv.invalid-signature" && hold["since"] is String)
        #expect(hold["reason"] as? String == "the gateway refuses the app" && hold["lifted_at"] is NSNull)
        #expect(try await ProgramRun.settled("holds", "list").output.contains("isv.invalid-signature"))
        #expect(try await ProgramRun.settled("holds", "list", "--queue", "other").exitCode == 3)

        let jobs = try await ProgramRun.settled("jobs", "list", "--state", "held", "--json")
        #expect(jobs.lines.count == 3)
        #expect(try jobs.objects().first?["hold_key"] as? String == Self.key)
        let queues = try await ProgramRun.settled("queues", "list")
        #expect(queues.output.contains("3 held under \(Self.key): isv.invalid-signature"))
        let queue = try #require(try await ProgramRun.settled("queues", "list", "--json").objects().first)
        #expect(queue["held"] as? Int == 3 && (queue["holds"] as? [Any])?.count == 1)
    }

    @Test func `a person releases a hold with a reason; a second time finds nothing`() async throws {
        try await held(2)
        #expect(try await ProgramRun.settled("holds", "release", Self.key).exitCode == 2)
        let dry = try await ProgramRun.settled("holds", "release", Self.key, "--dry-run")
        #expect(dry.exitCode == 0 && dry.errors.contains("2 jobs of pay-results would go back"))
        #expect(try await ProgramRun.settled("holds", "release", "app:1", "--reason", "r").exitCode == 3)
        let done = try await ProgramRun.settled("holds", "release", Self.key, "--reason", "mended", "--json")
        #expect(done.exitCode == 0 && done.errors.contains("2 jobs of pay-results go back"))
        #expect(try done.objects().first?["key"] as? String == Self.key)
        #expect(try await ProgramRun.settled("holds", "release", Self.key, "--reason", "mended").exitCode == 3)
        #expect(try await ProgramRun.settled("holds", "list").output.contains("going back"))
    }
}
