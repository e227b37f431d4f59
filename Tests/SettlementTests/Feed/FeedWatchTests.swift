import Postgres
import TestSupport
import Testing

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct FeedWatchTests {
    private static let ever = Duration.seconds(3600)

    @Test func `all who wait for less are woken, the others wait on`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), logger: TestHouse.logger)
            let patient = Task { await watch.wait(after: 10, atMost: Self.ever) }
            await withTaskGroup(of: Void.self) { tasks in
                for after in 0..<10 { tasks.addTask { await watch.wait(after: Int64(after), atMost: Self.ever) } }
                while watch.waiting < 11 { await Task.yield() }
                watch.advanced(to: 10)
            }
            #expect(watch.waiting == 1)
            // What is there already is not waited for.
            await watch.wait(after: 9, atMost: Self.ever)
            patient.cancel()
            await patient.value
            #expect(watch.waiting == 0)
        }
    }

    @Test func `the wait ends with its limit`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), logger: TestHouse.logger)
            await watch.wait(after: 0, atMost: .milliseconds(5))
            #expect(watch.waiting == 0)
        }
    }

    @Test func `what another process publishes is seen, also by the first who waits`() async throws {
        let database = try TestDatabase.current
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), interval: .milliseconds(1), logger: TestHouse.logger)
            let running = Task { await watch.run() }
            for n in 1...50 {
                // The poller sleeps whenever nobody waits; each of these waits has to wake it.
                async let waiting: Void = watch.wait(after: Int64(n - 1), atMost: Self.ever)
                try await database.execute(SequencerTests.insert(n...n))
                _ = try await SequencerTests.sequencer(pool).runOnce()
                await waiting
            }
            running.cancel()
            await running.value
        }
    }

    @Test func `at the end nobody is left waiting`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), logger: TestHouse.logger)
            let running = Task { await watch.run() }
            let waiting = Task { await watch.wait(after: 0, atMost: Self.ever) }
            while watch.waiting < 1 { await Task.yield() }
            running.cancel()
            await waiting.value
            await running.value
            #expect(watch.isClosed)
            await watch.wait(after: 5, atMost: Self.ever)
        }
    }
}
