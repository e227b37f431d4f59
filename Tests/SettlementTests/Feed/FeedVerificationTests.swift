import Postgres
import TestSupport
import Testing

@testable import Settlement

/// The check of a feed finds every way in which it can be spoilt, also by a superuser.
@Suite(.database, .timeLimit(.minutes(5))) struct FeedVerificationTests {
    private static func report(after spoiling: String) async throws -> FeedVerification.Report {
        let database = try TestDatabase.current
        try await database.execute(SequencerTests.insert(1...5))
        return try await TestHouse.withPool { pool in
            _ = try await SequencerTests.sequencer(pool).runOnce()
            try await database.execute("SET session_replication_role = replica; \(spoiling)")
            return try await FeedVerification(pool: pool).verify()
        }
    }

    @Test func `a sound feed is sound`() async throws {
        let report = try await Self.report(after: SequencerTests.insert(6...7))
        #expect(report.findings == [])
        #expect(report.isSound)
        #expect(report.items == 5)
        #expect(report.head == 5)
        #expect(report.publishedHead == 5)
        #expect(report.unnumbered == 2)
        let hash = try await TestDatabase.current.text("SELECT encode(hash, 'hex') FROM settled.feed_heads")
        #expect(report.lastHash == hash)
    }

    @Test func `an empty feed is sound`() async throws {
        let report = try await TestHouse.withPool { try await FeedVerification(pool: $0).verify() }
        #expect(report == FeedVerification.Report())
    }

    @Test func `a changed payload is found`() async throws {
        let report = try await Self.report(
            after:
                "UPDATE settled.feed SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '100', '900'), 'UTF8') WHERE seq = 3"
        )
        #expect(report.findings == ["the hash of item 3 is not the hash of its payload"])
    }

    @Test func `a payload changed together with its hash is found`() async throws {
        let report = try await Self.report(
            after: """
                UPDATE settled.feed SET payload = '{}',
                hash = sha256(convert_to(encode(prev_hash, 'hex'), 'UTF8') || int8send(seq) || '{}') WHERE seq = 3
                """)
        #expect(
            report.findings == [
                "item 4 does not follow the item before it", "the hash of item 4 is not the hash of its payload",
            ])
    }

    @Test func `a removed item is found`() async throws {
        let report = try await Self.report(after: "DELETE FROM settled.feed WHERE seq = 2")
        #expect(
            report.findings == [
                "after item 1 comes item 3", "item 3 does not follow the item before it",
                "the hash of item 3 is not the hash of its payload",
            ])
    }

    @Test func `a removed end is found`() async throws {
        let report = try await Self.report(after: "DELETE FROM settled.feed WHERE seq = 5")
        #expect(report.findings == ["the head is 5, the last item is 4", "the head's hash is not the last item's"])
    }
}
