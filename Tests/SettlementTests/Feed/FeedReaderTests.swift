import Alipay
import Postgres
import TestSupport
import Testing
import Wire

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(1))) struct FeedReaderTests {
    private static func withFeed<T: Sendable>(_ count: Int, _ body: (FeedReader) async throws -> T) async throws -> T {
        try await TestDatabase.current.execute(SequencerTests.insert(1...count))
        return try await TestHouse.withPool { pool in
            _ = try await SequencerTests.sequencer(pool).runOnce()
            return try await body(FeedReader(pool: pool))
        }
    }

    @Test func `pages follow each other without a gap, and the end repeats the reader's place`() async throws {
        try await Self.withFeed(7) { reader in
            var after: Int64 = 0
            var seen: [String] = []
            var counts: [Int] = []
            while true {
                let page = try await reader.page(of: "main", after: after, limit: 3)
                counts.append(page.count)
                #expect(page.head == 7)
                let json = try JSONValue(parsing: page.json)
                guard case .array(let items) = json["items"] else { break }
                for item in items {
                    seen.append(item["settlement"]?["trade_no"]?.text ?? "")
                    #expect(item["seq"]?.text == "\(seen.count)")
                }
                #expect(json["next"]?.text == "\(page.next)")
                if page.count == 0 { break }
                after = page.next
            }
            #expect(counts == [3, 3, 1, 0])
            #expect(after == 7)
            #expect(seen == (1...7).map { "T\($0)" })
            // A reader that is ahead of us is told nothing, and keeps its place.
            let ahead = try await reader.page(of: "main", after: 99, limit: 3)
            #expect(ahead.count == 0)
            #expect(ahead.next == 99)
        }
    }

    @Test func `an item's payload is the text that was hashed`() async throws {
        try await Self.withFeed(2) { reader in
            let json = try JSONValue(parsing: try await reader.page(of: "main", after: 0, limit: 10).json)
            guard case .array(let items) = json["items"] else {
                Issue.record("no items")
                return
            }
            var previous = FeedChain.genesis
            for (index, item) in items.enumerated() {
                #expect(item["prev_hash"]?.text == Digest.hex(previous))
                previous = FeedChain.hash(
                    previous: previous, seq: Int64(index + 1), payload: Array((item["payload"]?.text ?? "").utf8))
                #expect(item["hash"]?.text == Digest.hex(previous))
            }
        }
    }

    @Test func `a reader whose hash is not ours is told that the feed forked`() async throws {
        try await Self.withFeed(3) { reader in
            let hash = try await TestDatabase.current.text("SELECT encode(hash, 'hex') FROM settled.feed WHERE seq = 2")
            let ours = stride(from: 0, to: 64, by: 2).compactMap { offset in
                hash.flatMap { UInt8($0.dropFirst(offset).prefix(2), radix: 16) }
            }
            #expect(try await reader.page(of: "main", after: 2, limit: 9, afterHash: ours).count == 1)
            #expect(try await reader.page(of: "main", after: 0, limit: 9, afterHash: FeedChain.genesis).count == 3)
            for (after, wrong) in [(2, FeedChain.genesis), (1, ours), (0, ours), (9, ours), (2, [])] {
                await #expect(throws: FeedError.self) {
                    try await reader.page(of: "main", after: Int64(after), limit: 9, afterHash: wrong)
                }
            }
        }
    }
}
