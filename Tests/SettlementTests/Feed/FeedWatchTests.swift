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
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), interval: .milliseconds(1), logger: TestHouse.logger)
            let running = Task { await watch.run() }
            for n in 1...50 {
                // The poller sleeps whenever nobody waits; each of these waits has to wake it.
                async let waiting: Void = watch.wait(after: Int64(n - 1), atMost: Self.ever)
                try await publish(n, pool)
                await waiting
            }
            running.cancel()
            await running.value
        }
    }

    @Test func `what another process publishes is heard, without a look`() async throws {
        let database = try TestDatabase.current
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(
                reader: FeedReader(pool: pool), listensOn: database.settings, intervalWhileHearing: Self.ever,
                logger: TestHouse.logger)
            let running = Task { await watch.run() }
            // Whoever comes first makes it look, once; it then looks again an hour later.
            try await publish(1, pool)
            await watch.wait(after: 0, atMost: Self.ever)
            try await until { watch.hears }
            for n in 2...20 {
                async let waiting: Void = watch.wait(after: Int64(n - 1), atMost: Self.ever)
                try await publish(n, pool)
                await waiting
            }
            running.cancel()
            await running.value
        }
    }

    @Test func `what was published while nothing could be heard is seen when it can be again`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(
                reader: FeedReader(pool: pool), interval: Self.ever, intervalWhileHearing: Self.ever,
                logger: TestHouse.logger)
            let running = Task { await watch.run() }
            try await publish(1, pool)
            // The only look that is not asked for.
            await watch.wait(after: 0, atMost: Self.ever)
            for n in 2...10 {
                async let waiting: Void = watch.wait(after: Int64(n - 1), atMost: Self.ever)
                try await until { watch.waiting > 0 }
                try await publish(n, pool)
                watch.heard(.reconnected)
                await waiting
                #expect(watch.hears)
                watch.heard(.deaf)
                #expect(!watch.hears)
            }
            running.cancel()
            await running.value
        }
    }

    @Test func `where nothing can be heard it looks often`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(
                reader: FeedReader(pool: pool), listensOn: ConnectionSettings("host=/nowhere"),
                interval: .milliseconds(1),
                intervalWhileHearing: Self.ever, logger: TestHouse.logger)
            let running = Task { await watch.run() }
            async let waiting: Void = watch.wait(after: 0, atMost: Self.ever)
            try await until { watch.waiting > 0 }
            try await publish(1, pool)
            await waiting
            #expect(!watch.hears)
            running.cancel()
            await running.value
        }
    }

    @Test func `what is told of another feed, or is no head, wakes nobody`() async throws {
        try await TestHouse.withPool { pool in
            let watch = FeedWatch(reader: FeedReader(pool: pool), logger: TestHouse.logger)
            async let waiting: Void = watch.wait(after: 5, atMost: Self.ever)
            try await until { watch.waiting > 0 }
            for payload in ["9 other", "9", "main 9", "x main", "", "9 main more", "5 main"] {
                watch.heard(.message(channel: FeedWatch.channel, payload: payload))
                #expect(watch.waiting == 1, "\(payload)")
            }
            watch.heard(.message(channel: FeedWatch.channel, payload: "6 main"))
            await waiting
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

    /// As another process does it: the watch is told by nobody here.
    private func publish(_ n: Int, _ pool: Pool) async throws {
        try await TestDatabase.current.execute(SequencerTests.insert(n...n))
        _ = try await SequencerTests.sequencer(pool).runOnce()
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }
}
