import Alipay
import Postgres
import Wire

/// Checks a whole feed against its promises: dense numbers from 1, an unbroken chain, every settlement numbered once.
public struct FeedVerification: Sendable {
    public struct Report: Sendable, Hashable {
        public var items: Int64 = 0
        public var head: Int64 = 0
        public var publishedHead: Int64 = 0
        public var lastHash = Digest.hex(FeedChain.genesis)
        /// Settlements that have no number yet. After a quiet second there should be none.
        public var unnumbered: Int64 = 0
        /// Those among them that were confirmed more than ten seconds ago: no sequencer is at work.
        public var overdue: Int64 = 0
        /// What is wrong, in words; empty when all promises hold.
        public var findings: [String] = []
        public var isSound: Bool { findings.isEmpty }
    }

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let heads = Statement(
        "feed.verify_head",
        """
        SELECT seq, hash, published_head, unnumbered, overdue
        FROM settled.feed_heads,
             (SELECT count(*) AS unnumbered,
                     count(*) FILTER (WHERE confirmed_at < now() - interval '10 seconds') AS overdue
              FROM settled.settlements s
              WHERE NOT EXISTS (SELECT FROM settled.feed f WHERE f.feed_id = $1 AND f.settlement_id = s.id)) AS waiting
        WHERE feed_id = $1
        """)
    static let items = Statement(
        "feed.verify_items",
        """
        SELECT seq, payload, prev_hash, hash FROM settled.feed WHERE feed_id = $1 AND seq > $2 ORDER BY seq LIMIT 2000
        """)

    /// Reads `feed` from its beginning. The first twenty findings are kept.
    public func verify(feed: String = "main", progress: @Sendable (Int64) -> Void = { _ in }) async throws -> Report {
        var report = Report()
        guard let head = try await pool.query(FeedReader.lane, Self.heads, [.text(feed)]).first else {
            throw FeedError.noSuchFeed(feed)
        }
        report.head = try head.int8("seq")
        report.publishedHead = try head.int8("published_head")
        report.unnumbered = try head.int8("unnumbered")
        report.overdue = try head.int8("overdue")
        if report.overdue > 0 {
            report.note("\(report.overdue) settlements have had no number for more than ten seconds")
        }
        let headHash = try head.bytea("hash")
        var hash = FeedChain.genesis
        var seq: Int64 = 0
        while seq < report.head {
            let rows = try await pool.query(FeedReader.lane, Self.items, [.text(feed), .int8(seq)])
            if rows.isEmpty { break }
            for row in rows where seq < report.head {
                let found = try row.int8("seq")
                if found != seq + 1 { report.note("after item \(seq) comes item \(found)") }
                let stored = try row.bytea("hash")
                if try row.bytea("prev_hash") != hash {
                    report.note("item \(found) does not follow the item before it")
                }
                hash = FeedChain.hash(previous: hash, seq: found, payload: try row.bytea("payload"))
                if hash != stored { report.note("the hash of item \(found) is not the hash of its payload") }
                hash = stored
                seq = found
                report.items += 1
            }
            progress(seq)
        }
        if seq != report.head { report.note("the head is \(report.head), the last item is \(seq)") }
        if hash != headHash { report.note("the head's hash is not the last item's") }
        report.lastHash = Digest.hex(hash)
        return report
    }
}

extension FeedVerification.Report {
    fileprivate mutating func note(_ finding: String) {
        if findings.count < 20 { findings.append(finding) }
    }
}
