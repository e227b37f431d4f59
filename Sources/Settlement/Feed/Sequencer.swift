import FailPoints
import Logging
import Postgres
import ServiceLifecycle
import Telemetry

/// Gives committed settlements dense numbers from 1 and chains them by hash.
///
/// **Dense.** The number comes from the feed's locked head row, in the transaction that inserts the item: a rollback takes
/// both back, so there is never a gap. Any number of sequencers may run; the row lock lets one number at a time.
///
/// **Complete.** A settlement with a small id can commit after one with a larger id, so "greater than the last one" would
/// skip it. The search starts after `low_water` and takes whatever has no number. `low_water` moves up to `candidate_id`
/// only when every transaction that could still hold an id up to there has ended. That is so when the oldest running
/// transaction is not older than `candidate_xmax`: the candidate was visible when `candidate_xmax` was read as the next
/// transaction id, so every id up to it had been drawn by then, and a ledger transaction has its transaction id before it
/// draws settlement ids (``Ledger/lock(_:in:)`` sees to it). A stranger's open transaction keeps `low_water` down, which makes the
/// search a little longer and nothing else.
///
/// **Stable.** Readers are served up to `published_head`, which moves in a transaction of its own after the numbering
/// commit came back without a warning. A later commit that is durable makes every earlier one durable, so what a reader
/// has seen cannot be taken back by a failover.
public struct Sequencer: Service {
    public static let lane: Lane = "feed"
    /// So many in one round mean that many more are on their way. With fewer, each is numbered as soon as it was committed.
    static let crowd = 32

    private let feed: String
    private let pool: Pool
    private let batch: Int64
    private let interval: Duration
    private let gathering: Duration
    private let signal: Signal
    private let metrics: Metrics
    private let logger: Logger
    private let published: @Sendable (Int64) -> Void

    /// - Parameters:
    ///   - interval: how long the sequencer waits for a signal before it looks by itself.
    ///   - gathering: how long it lets settlements gather after a round that numbered ``crowd`` or more. A round costs
    ///     PostgreSQL half a millisecond, whatever is in it.
    ///   - signal: raised when settlements were committed.
    ///   - published: told of the new head after it became readable.
    public init(
        feed: String = "main", pool: Pool, signal: Signal, interval: Duration = .milliseconds(500),
        gathering: Duration = .milliseconds(25), batch: Int64 = 1000, metrics: Metrics, logger: Logger,
        published: @escaping @Sendable (Int64) -> Void = { _ in }
    ) {
        self.feed = feed
        self.pool = pool
        self.signal = signal
        self.interval = interval
        self.gathering = gathering
        self.batch = batch
        self.metrics = metrics
        self.logger = logger
        self.published = published
    }

    public func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let count = try await runOnce()
                    if count >= Int(batch) { continue }
                    if count >= Self.crowd { try? await Task.sleep(for: gathering) }
                    await signal.wait(atMost: interval)
                } catch {
                    logger.warning("numbering failed and is tried again", metadata: ["err.msg": "\(error)"])
                    await signal.wait(atMost: .seconds(1))
                }
            }
        }
    }

    static let lockHead = Statement(
        "feed.lock_head",
        """
        SELECT seq, hash, published_head, low_water, candidate_id,
               candidate_xmax <= pg_snapshot_xmin(pg_current_snapshot()) AS candidate_is_settled,
               coalesce((SELECT max(id) FROM settled.settlements), 0) AS newest_id,
               \(Plans.alongIndexes)
        FROM settled.feed_heads WHERE feed_id = $1 FOR UPDATE
        """)
    static let insert = Statement(
        "feed.insert",
        """
        INSERT INTO settled.feed (feed_id, seq, settlement_id, payload, prev_hash, hash)
        SELECT $1, * FROM unnest($2::int8[], $3::int8[], $4::bytea[], $5::bytea[], $6::bytea[])
        """)
    static let advance = Statement(
        "feed.advance",
        """
        UPDATE settled.feed_heads
        SET seq = $2, hash = $3, low_water = $4, candidate_id = $5,
            candidate_xmax = CASE WHEN $6 THEN pg_snapshot_xmax(pg_current_snapshot()) ELSE candidate_xmax END
        WHERE feed_id = $1
        """)
    static let publish = Statement(
        "feed.publish",
        "UPDATE settled.feed_heads SET published_head = $2 WHERE feed_id = $1 AND published_head < $2 AND seq >= $2")
    /// Tells the ``FeedWatch`` of every process, behind the commit that published. It reads what is published, so that it is true
    /// whatever became of that commit, and it holds nothing that must last.
    static let tell = Statement(
        "feed.tell",
        """
        SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, published_head || ' ' || feed_id)
        FROM settled.feed_heads WHERE feed_id = $2
        """)

    private struct Numbered: Sendable {
        var count = 0
        var head: Int64 = 0
        var publishedHead: Int64 = 0
    }

    /// Numbers what waits, one batch at most, and publishes it.
    ///
    /// - Returns: how many settlements were numbered.
    @discardableResult
    public func runOnce() async throws -> Int {
        let feed = feed
        let batch = batch
        let numbered = try await pool.transaction(Self.lane) { tx in
            try Self.number(feed: feed, batch: batch, in: tx)
        }
        if numbered.count > 0 { try FailPoint.reach("feed.committed") }
        if numbered.head > numbered.publishedHead {
            _ = try await pool.withConnection(Self.lane) { connection in
                try await connection.query(
                    Self.publish, [.text(feed), .int8(numbered.head)],
                    followedBy: [(Self.tell, [.text(FeedWatch.channel), .text(feed)])])
            }
            published(numbered.head)
        }
        metrics.feedHead(numbered.head)
        return numbered.count
    }

    private static func number(feed: String, batch: Int64, in tx: isolated Connection) throws -> Numbered {
        guard let head = try tx.query(lockHead, [.text(feed)]).first else { throw FeedError.noSuchFeed(feed) }
        var seq = try head.int8("seq")
        var hash = try head.bytea("hash")
        let lowWater = try head.int8("low_water")
        let candidate = try head.int8("candidate_id")
        let publishedHead = try head.int8("published_head")
        let isSettled = try head.bool("candidate_is_settled")
        let newest = try head.int8("newest_id")

        let pending = try PendingSettlements.read(feed: feed, after: lowWater, limit: batch, in: tx)
        var seqs: [Int64] = []
        var previous: [[UInt8]] = []
        var hashes: [[UInt8]] = []
        let payloads = pending.map(\.bytes)
        for payload in payloads {
            seq += 1
            previous.append(hash)
            hash = FeedChain.hash(previous: hash, seq: seq, payload: payload)
            seqs.append(seq)
            hashes.append(hash)
        }
        // A full batch may have left ids below the candidate without a number.
        let isComplete = Int64(pending.count) < batch || (pending.last?.id ?? 0) >= candidate
        let moves = isSettled && isComplete && (candidate > lowWater || newest > candidate)
        guard !pending.isEmpty || moves || seq > publishedHead else {
            return Numbered(count: 0, head: seq, publishedHead: publishedHead)
        }
        if !pending.isEmpty {
            _ = try tx.query(
                insert,
                [
                    .text(feed), .int8Array(seqs), .int8Array(pending.map(\.id)), .byteaArray(payloads),
                    .byteaArray(previous), .byteaArray(hashes),
                ])
            try FailPoint.reach("feed.inserted")
        }
        // Also when nothing was numbered but something waits to be published: this commit is then the one that must come
        // back without a warning.
        _ = try tx.query(
            advance,
            [
                .text(feed), .int8(seq), .bytea(hash), .int8(moves ? candidate : lowWater),
                .int8(moves ? max(candidate, newest) : candidate), .bool(moves),
            ])
        return Numbered(count: pending.count, head: seq, publishedHead: publishedHead)
    }
}

/// What can be wrong with a feed that was asked for.
public enum FeedError: Error, Sendable, CustomStringConvertible {
    case noSuchFeed(String)
    case forked(at: Int64)

    public var description: String {
        switch self {
        case .noSuchFeed(let feed): "there is no feed named \(feed)"
        case .forked(let seq): "item \(seq) has another hash than the reader's"
        }
    }
}
