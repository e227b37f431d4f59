import Alipay
import Postgres
import Wire

/// A page of a feed, as JSON.
public struct FeedPage: Sendable {
    /// The text in its parts, in their order, so that a long one is copied once only: to where it is sent from.
    public let parts: [[UInt8]]
    public var json: [UInt8] { Array(parts.joined()) }
    public let count: Int
    /// The last number that readers may see.
    public let head: Int64
    /// What to ask for as `after` next.
    public let next: Int64
}

/// One item of a feed, as it is served.
public struct FeedItem: Sendable {
    public let seq: Int64
    /// What the chain's hash is over.
    public let payload: [UInt8]
    public let previousHash: [UInt8]
    public let hash: [UInt8]
    /// The object that a page lists.
    public let json: [UInt8]

    public init(seq: Int64, payload: [UInt8], previousHash: [UInt8], hash: [UInt8], json: [UInt8]) {
        self.seq = seq
        self.payload = payload
        self.previousHash = previousHash
        self.hash = hash
        self.json = json
    }
}

/// Reads a feed's items in order, from what is published.
public struct FeedReader: Sendable {
    public static let lane: Lane = "read"

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let head = Statement("feed.head", "SELECT published_head FROM settled.feed_heads WHERE feed_id = $1")
    static let hashAt = Statement("feed.hash_at", "SELECT hash FROM settled.feed WHERE feed_id = $1 AND seq = $2")
    static let items = Statement(
        "feed.items",
        """
        SELECT f.seq, f.payload, f.prev_hash, f.hash, p.buyer_user_id, p.buyer_logon_id, p.household_id
        FROM settled.feed f LEFT JOIN settled.settlement_parties p USING (settlement_id)
        WHERE f.feed_id = $1 AND f.seq > $2 AND f.seq <= $3
        ORDER BY f.seq LIMIT $4
        """)

    /// The last number of `feed` that readers may see.
    public func head(of feed: String) async throws -> Int64 {
        let rows = try await pool.query(Self.lane, Self.head, [.text(feed)])
        guard let row = rows.first else { throw FeedError.noSuchFeed(feed) }
        return try row.int8("published_head")
    }

    /// The published items of `feed` after number `after`, one by one; none when there are none yet.
    public func items(of feed: String, after: Int64, limit: Int64) async throws -> [FeedItem] {
        try await pool.transaction(Self.lane) { tx in
            guard let row = try tx.query(Self.head, [.text(feed)]).first else { throw FeedError.noSuchFeed(feed) }
            let parameters: [Parameter] = [
                .text(feed), .int8(after), .int8(try row.int8("published_head")), .int8(limit),
            ]
            return try tx.query(Self.items, parameters).map { row in
                var json = JSONWriter(capacity: 2048)
                let seq = try Self.write(row, to: &json)
                return FeedItem(
                    seq: seq, payload: try row.bytea("payload"), previousHash: try row.bytea("prev_hash"),
                    hash: try row.bytea("hash"), json: json.bytes)
            }
        }
    }

    /// A page of the items of `feed` after number `after`, as JSON.
    ///
    /// - Parameters:
    ///   - limit: 1 to 1000.
    ///   - afterHash: the hash that the reader has for item `after`; ``FeedError/forked(at:)`` when it is not ours.
    public func page(of feed: String, after: Int64, limit: Int64, afterHash: [UInt8]? = nil) async throws -> FeedPage {
        let head = try await head(of: feed)
        if let afterHash {
            let ours = after == 0 ? FeedChain.genesis : try await hash(of: feed, at: after)
            guard ours == afterHash, after <= head else { throw FeedError.forked(at: after) }
        }
        var runs: [Run] = []
        if limit < Self.worthSplitting || head - after < Self.worthSplitting {
            // A reader that has everything is not worth a second question.
            if head > after { runs = [try await run(of: feed, after: after, to: head, limit: limit)] }
        } else {
            let middle = after + limit / 2
            async let second = run(of: feed, after: middle, to: head, limit: limit - limit / 2)
            let first = try await run(of: feed, after: after, to: min(middle, head), limit: limit / 2)
            runs = [first, try await second]
        }
        return Self.page(of: feed, head: head, after: after, runs)
    }

    /// From this many items on, a page is read as two halves at the same time. That they are numbered without a gap tells
    /// where the second one starts.
    static let worthSplitting: Int64 = 256

    /// Items that follow each other, written with commas between them.
    struct Run: Sendable {
        var json: [UInt8] = []
        var count = 0
        /// What lies before the first item.
        var after: Int64
        var last: Int64
    }

    private func run(of feed: String, after: Int64, to last: Int64, limit: Int64) async throws -> Run {
        let parameters: [Parameter] = [.text(feed), .int8(after), .int8(last), .int8(limit)]
        let rows = try await pool.query(Self.lane, Self.items, parameters)
        var json = JSONWriter(capacity: rows.count * 2048)
        var run = Run(after: after, last: after)
        for row in rows { run.last = try Self.write(row, to: &json) }
        run.count = rows.count
        run.json = json.bytes
        return run
    }

    private func hash(of feed: String, at seq: Int64) async throws -> [UInt8]? {
        try await pool.query(Self.lane, Self.hashAt, [.text(feed), .int8(seq)]).first?.bytea("hash")
    }

    static func page(of feed: String, head: Int64, after: Int64, _ runs: [Run]) -> FeedPage {
        var parts = [Array(#"{"feed_id":\#(JSONWriter.string(feed)),"head":\#(head),"items":["#.utf8)]
        var (next, count) = (after, 0)
        // The halves come over two connections. Should they ever see different histories, because one of them was opened
        // again after a failover, then the page ends where the first does: nothing may be left out.
        for run in runs where run.count > 0 && run.after == next {
            if count > 0 { parts.append([UInt8(ascii: ",")]) }
            parts.append(run.json)
            next = run.last
            count += run.count
        }
        parts.append(Array(#"],"next":\#(next)}"#.utf8))
        return FeedPage(parts: parts, count: count, head: head, next: next)
    }

    /// Columns by position, in the order of ``items``: a page has a thousand rows, and looking for names would take a
    /// good part of its time.
    private static func write(_ row: Row, to json: inout JSONWriter) throws -> Int64 {
        let seq = try row.int8(0)
        try row.withBytes { values in
            guard let payload = try values.bytea(1), let previous = try values.bytea(2), let hash = try values.bytea(3)
            else { throw PostgresError(.decoding, "item \(seq) is not whole") }
            let buyerUserID = try values.text(4)
            let buyerLogonID = try values.text(5)
            let householdID = try values.text(6)
            json.object { json in
                json.member("seq", seq)
                FeedPayload.write(
                    payload, as: "settlement", to: &json,
                    entity: { $0.member("household_id", utf8: householdID) },
                    persons: { json in
                        json.member("buyer_user_id", utf8: buyerUserID)
                        json.member("buyer_logon_id", utf8: buyerLogonID)
                    })
                json.member("payload", utf8: payload)
                json.member("prev_hash", hex: previous)
                json.member("hash", hex: hash)
            }
        }
        return seq
    }
}
