import Alipay
import Postgres
import TestSupport
import Testing
import Wire

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct FeedReaderTests {
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

    @Test func `a long page, which is read in halves, holds what short ones hold`() async throws {
        try await Self.withFeed(600) { reader in
            var short: [UInt8] = []
            for after in stride(from: Int64(0), to: 600, by: 100) {
                let json = try await reader.page(of: "main", after: after, limit: 100).json
                short += (short.isEmpty ? [] : [UInt8(ascii: ",")]) + Self.items(json)
            }
            for (after, limit) in [(0, 1000), (0, 600), (0, 599), (0, 257), (100, 1000), (343, 257), (344, 300)] {
                let page = try await reader.page(of: "main", after: Int64(after), limit: Int64(limit))
                let last = min(600, after + limit)
                #expect(page.count == last - after)
                #expect(page.next == Int64(last))
                #expect(try JSONValue(parsing: page.json)["next"]?.text == "\(last)")
                let items = Self.items(page.json)
                // A message with both texts would be megabytes.
                let isTheSame = after == 0 ? short.starts(with: items) : short.suffix(items.count).elementsEqual(items)
                #expect(isTheSame)
            }
        }
    }

    /// What stands between the brackets of `items`.
    private static func items(_ page: [UInt8]) -> [UInt8] {
        guard let open = page.firstIndex(of: UInt8(ascii: "[")), let close = page.lastIndex(of: UInt8(ascii: "]"))
        else { return [] }
        return Array(page[(open + 1)..<close])
    }

    @Test func `a page ends where its halves do not meet`() {
        func run(_ after: Int64, _ last: Int64) -> FeedReader.Run {
            FeedReader.Run(json: Array("\(last)".utf8), count: Int(last - after), after: after, last: last)
        }
        func page(_ runs: [FeedReader.Run]) -> String {
            String(decoding: FeedReader.page(of: "f", head: 9, after: 2, runs).json, as: UTF8.self)
        }
        #expect(page([]) == #"{"feed_id":"f","head":9,"items":[],"next":2}"#)
        #expect(page([run(2, 4), run(4, 6)]) == #"{"feed_id":"f","head":9,"items":[4,6],"next":6}"#)
        #expect(page([run(2, 4), run(4, 4)]) == #"{"feed_id":"f","head":9,"items":[4],"next":4}"#)
        // The first half came from a server that does not have all of it: the second would leave items out.
        #expect(page([run(2, 3), run(4, 6)]) == #"{"feed_id":"f","head":9,"items":[3],"next":3}"#)
        #expect(page([run(2, 2), run(4, 6)]) == #"{"feed_id":"f","head":9,"items":[],"next":2}"#)
    }

    @Test func `persons are set into the item, and its payload is quoted`() async throws {
        try await Self.withFeed(2) { reader in
            try await TestDatabase.current.execute(
                """
                INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, household_id)
                SELECT id, '2088"9', '1-101|甲' FROM settled.settlements WHERE trade_no = 'T2'
                """)
            let items = try await reader.items(of: "main", after: 0, limit: 10)
            let persons = [(nil, nil), ("2088\"9", "1-101|甲")]
            for (item, (buyer, household)) in zip(items, persons) {
                let settlement = FeedPayload.settlement(
                    item.payload, buyerUserID: buyer, buyerLogonID: nil, householdID: household)
                let text =
                    #"{"seq":\#(item.seq),"settlement":\#(String(decoding: settlement, as: UTF8.self)),"payload":"#
                    + JSONWriter.string(String(decoding: item.payload, as: UTF8.self))
                    + #","prev_hash":"\#(Digest.hex(item.previousHash))","hash":"\#(Digest.hex(item.hash))"}"#
                #expect(String(decoding: item.json, as: UTF8.self) == text)
            }
            #expect(items.count == 2)
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
