import Alipay
import Postgres
import TestSupport
import Testing

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct RejectedStoreTests {
    private static func keep(
        _ store: RejectedStore, _ body: [UInt8], source: String = "s", cause: String = "bad_signature"
    ) async {
        await store.keep(
            Delivery(body: body, contentType: "x\u{0}", remoteAddress: "192.0.2.9"), source: source, cause: cause,
            message: "m")
    }

    private static func body(_ size: Int, _ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: size) }

    @Test func `a body is kept once and counted each time, any bytes at all`() async throws {
        try await TestHouse.withPool { pool in
            let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, logger: TestHouse.logger)
            for _ in 0..<3 { await Self.keep(store, [0, 255, 0]) }
            await Self.keep(store, [])
            #expect(store.dropped == 0)
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT times FROM settled.rejected WHERE body = '\\x00ff00'") == 3)
        #expect(try await database.number("SELECT count(*) FROM settled.rejected") == 2)
    }

    @Test func `a source keeps no more than its share, and others keep theirs`() async throws {
        try await TestHouse.withPool { pool in
            let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            await Self.keep(store, Self.body(400, 1))
            // The same again takes no more room.
            await Self.keep(store, Self.body(400, 1))
            await Self.keep(store, Self.body(601, 2))
            #expect(store.dropped == 1)
            await Self.keep(store, Self.body(600, 3))
            await Self.keep(store, Self.body(1, 4))
            await Self.keep(store, Self.body(500, 2), source: "other")
            #expect(store.dropped == 2)
        }
        let database = try TestDatabase.current
        #expect(
            try await database.number("SELECT sum(octet_length(body)) FROM settled.rejected WHERE source = 's'") == 1000
        )
        #expect(try await database.number("SELECT count(*) FROM settled.rejected WHERE source = 'other'") == 1)
    }

    @Test func `many at once do not pass the cap together`() async throws {
        try await TestHouse.withPool { pool in
            let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            await withTaskGroup(of: Void.self) { tasks in
                for n in 0..<40 { tasks.addTask { await Self.keep(store, Self.body(100, UInt8(n))) } }
            }
            #expect(store.dropped == 30)
        }
        #expect(try await TestDatabase.current.number("SELECT sum(octet_length(body)) FROM settled.rejected") == 1000)
    }

    @Test func `what is old goes, and its room is free again`() async throws {
        try await TestHouse.withPool { pool in
            let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            await Self.keep(store, Self.body(600, 1))
            await Self.keep(store, Self.body(400, 2))
            try await TestDatabase.current.execute(
                "UPDATE settled.rejected SET last_at = now() - interval '8 days' WHERE octet_length(body) = 600")
            try await store.tidy(olderThan: .seconds(7 * 86_400))
            await Self.keep(store, Self.body(600, 3))
            await Self.keep(store, Self.body(1, 4))
            #expect(store.dropped == 1)
        }
    }

    @Test func `after a restart the room that is taken is known`() async throws {
        try await TestHouse.withPool { pool in
            let before = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            await Self.keep(before, Self.body(900, 1))
            let after = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            try await after.tidy(olderThan: .seconds(7 * 86_400))
            await Self.keep(after, Self.body(200, 2))
            #expect(after.dropped == 1)
        }
    }

    @Test func `a database that refuses costs the kept body and nothing else`() async throws {
        try await TestDatabase.current.execute("ALTER TABLE settled.rejected RENAME TO gone")
        try await TestHouse.withPool { pool in
            let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, capacity: 1000, logger: TestHouse.logger)
            for n in 0..<5 { await Self.keep(store, Self.body(900, UInt8(n))) }
            #expect(store.dropped == 5)
        }
    }
}
