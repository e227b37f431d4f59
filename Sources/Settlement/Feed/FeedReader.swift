import Alipay
import Postgres
import Wire

/// A page of a feed, as JSON.
public struct FeedPage: Sendable {
    public let json: [UInt8]
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
        try await pool.transaction(Self.lane) { tx in
            guard let row = try tx.query(Self.head, [.text(feed)]).first else { throw FeedError.noSuchFeed(feed) }
            let head = try row.int8("published_head")
            if let afterHash {
                let ours =
                    after == 0
                    ? FeedChain.genesis
                    : try tx.query(Self.hashAt, [.text(feed), .int8(after)]).first?.bytea("hash")
                guard ours == afterHash, after <= head else { throw FeedError.forked(at: after) }
            }
            let rows = try tx.query(Self.items, [.text(feed), .int8(after), .int8(head), .int8(limit)])
            return try Self.page(feed: feed, head: head, after: after, rows)
        }
    }

    private static func page(feed: String, head: Int64, after: Int64, _ rows: Rows) throws -> FeedPage {
        var json = JSONWriter(capacity: 256 + rows.count * 2048)
        var next = after
        var failure: (any Error)?
        json.object { json in
            json.member("feed_id", feed)
            json.member("head", head)
            json.array("items") { json in
                for row in rows {
                    do {
                        next = try write(row, to: &json)
                    } catch {
                        failure = error
                        return
                    }
                }
            }
            json.member("next", next)
        }
        if let failure { throw failure }
        return FeedPage(json: json.bytes, count: rows.count, head: head, next: next)
    }

    /// Columns by position, in the order of ``items``: a page has a thousand rows, and looking for names would take a
    /// good part of its time.
    private static func write(_ row: Row, to json: inout JSONWriter) throws -> Int64 {
        let seq = try row.int8(0)
        let payload = try row.bytea(1)
        let settlement = FeedPayload.settlement(
            payload, buyerUserID: try row.textOrNil(4), buyerLogonID: try row.textOrNil(5),
            householdID: try row.textOrNil(6))
        let previous = try row.bytea(2)
        let hash = try row.bytea(3)
        json.object { json in
            json.member("seq", seq)
            json.member("settlement", raw: settlement)
            json.member("payload", utf8: payload)
            json.member("prev_hash", hex: previous)
            json.member("hash", hex: hash)
        }
        return seq
    }
}
