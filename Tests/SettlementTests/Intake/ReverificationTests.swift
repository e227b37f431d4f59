import Alipay
import JobQueue
import Postgres
import TestSupport
import Testing

@testable import Settlement

/// What was refused under a wrong key is taken in once the key is mended.
@Suite(.database, .timeLimit(.minutes(5))) struct ReverificationTests {
    private static let actor = Actor("tester", reason: "the key was mended")

    /// Keeps `bodies` as refused ones of the source `cplife`.
    private static func keep(_ bodies: [[UInt8]], source: String = "cplife", _ pool: Pool) async {
        let store = RejectedStore(pool: pool, lane: Intake.rejectedLane, logger: TestHouse.logger)
        for body in bodies {
            await store.keep(
                Delivery(body: body, contentType: SignedNotification.contentType, remoteAddress: "192.0.2.9"),
                source: source, cause: "bad_signature", message: "m")
        }
    }

    private static func reverification(_ pool: Pool) throws -> Reverification {
        Reverification(
            sources: ["cplife": try TestHouse.source()], merchants: TestHouse.merchants, pool: pool,
            lane: FeedReader.lane)
    }

    private static func run(
        _ reverification: Reverification, _ filter: Reverification.Filter = .init(), actor: Actor? = actor
    ) async throws -> [Reverification.Result] {
        var results: [Reverification.Result] = []
        try await reverification.run(filter, actor: actor) { results += $0 }
        return results
    }

    private static func body(_ trade: Int) throws -> [UInt8] {
        try SignedNotification.body(["trade_no": "20260318210010000000000\(trade)"])
    }

    @Test func `what verifies becomes a delivery with its job and leaves the store, the forged stays`() async throws {
        let results = try await TestHouse.withPool { pool in
            let forged = try Self.body(1000).map { $0 == UInt8(ascii: "5") ? UInt8(ascii: "6") : $0 }
            await Self.keep([try Self.body(1001), try Self.body(1002), forged], pool)
            return try await Self.run(try Self.reverification(pool))
        }
        #expect(results.count { $0.verdict == .verified(.new) } == 2)
        #expect(results.count { $0.verdict == .refused(.badSignature) } == 1)
        let database = try TestDatabase.current
        #expect(
            try await database.number("SELECT count(*) FROM settled.deliveries WHERE flags LIKE '%reverified'") == 2)
        #expect(try await database.number("SELECT count(*) FROM settled.jobs WHERE state = 'ready'") == 2)
        #expect(try await database.number("SELECT count(*) FROM settled.rejected") == 1)
        #expect(
            try await database.text("SELECT actor || '|' || reason FROM settled.audit_log")
                == "tester|the key was mended")
    }

    @Test func `a trade that came again in the meantime gains no second job`() async throws {
        let results = try await TestHouse.withPool { pool in
            let body = try Self.body(1001)
            await Self.keep([body], pool)
            let source = try TestHouse.source()
            let notification = try source.verifier.verify(body: body, contentType: SignedNotification.contentType)
            let delivery = StoredDelivery(
                notification, from: source,
                delivery: Delivery(body: body, contentType: nil, remoteAddress: nil),
                screening: Screening(notification, from: source, merchants: TestHouse.merchants))
            _ = try await pool.transaction(Intake.lane) { tx in
                try DeliveryStore.insert([delivery], in: tx, deadline: .seconds(5))
            }
            return try await Self.run(try Self.reverification(pool))
        }
        #expect(results.map(\.verdict) == [.verified(.duplicate)])
        #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.jobs") == 1)
    }

    @Test func `a look changes nothing, and a second run finds nothing left`() async throws {
        try await TestHouse.withPool { pool in
            await Self.keep([try Self.body(1001)], pool)
            let reverification = try Self.reverification(pool)
            #expect(try await Self.run(reverification, actor: nil).map(\.verdict) == [.verified(nil)])
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.deliveries") == 0)
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.audit_log") == 0)
            #expect(try await Self.run(reverification).map(\.verdict) == [.verified(.new)])
            #expect(try await Self.run(reverification).isEmpty)
        }
    }

    @Test func `two runs at once take each notification in once`() async throws {
        let results = try await TestHouse.withPool { pool in
            await Self.keep(try (1001..<1061).map(Self.body), pool)
            let reverification = try Self.reverification(pool)
            async let one = Self.run(reverification)
            async let other = Self.run(reverification)
            return try await one + other
        }
        #expect(results.count { $0.verdict == .verified(.new) } == 60)
        #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.deliveries") == 60)
    }

    @Test func `one that the database refuses is kept raw for a person, and its neighbours are taken in`() async throws
    {
        let results = try await TestHouse.withPool { pool in
            try await TestDatabase.current.execute(
                """
                ALTER TABLE settled.jobs ADD CONSTRAINT poison CHECK (subject NOT LIKE '%1002')
                """)
            await Self.keep(try (1001..<1004).map(Self.body), pool)
            return try await Self.run(try Self.reverification(pool))
        }
        #expect(results.count { $0.verdict == .verified(.new) } == 2)
        #expect(results.count { $0.verdict == .verified(.quarantined) } == 1)
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.jobs WHERE cause = 'unstorable'") == 1)
        #expect(try await database.number("SELECT count(*) FROM settled.rejected") == 0)
    }

    @Test func `source, cause and age choose`() async throws {
        try await TestHouse.withPool { pool in
            await Self.keep([try Self.body(1001)], pool)
            await Self.keep([try Self.body(1002)], source: "gone", pool)
            let reverification = try Self.reverification(pool)
            var filter = Reverification.Filter()
            filter.source = "gone"
            #expect(try await Self.run(reverification, filter).map(\.verdict) == [.unknownSource])
            filter = .init()
            filter.cause = "missing_sign"
            #expect(try await Self.run(reverification, filter).isEmpty)
            filter.cause = "bad_signature"
            filter.since = .seconds(3600)
            #expect(try await Self.run(reverification, filter).count == 2)
            try await TestDatabase.current.execute("UPDATE settled.rejected SET last_at = now() - interval '2 hours'")
            #expect(try await Self.run(reverification, filter).isEmpty)
        }
    }
}
