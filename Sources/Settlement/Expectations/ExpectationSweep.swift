import JobQueue
import Logging
import Postgres
import ServiceLifecycle

/// Looks at expectations whose time is up: those that the ledger has are done with, and about the others the gateway is asked,
/// once.
///
/// Every process may have one. The database's clock says whose time is up, and its row locks see to it that two sweeps never
/// ask about the same one; a sweep that is killed leaves what it had locked to the next.
public struct ExpectationSweep: Service {
    /// What one sweep did.
    public struct Tally: Sendable, Hashable {
        public var fulfilled = 0
        /// Jobs that were queued.
        public var asked = 0
        /// Expectations about which a job stood already.
        public var joined = 0
        /// Bills that were settled once, and are not since a payment was reversed.
        public var reopened = 0
        /// Expectations that ended long ago and were removed.
        public var removed = 0
        public init() {}
    }

    private let pool: Pool
    private let keyring: Keyring
    private let interval: Duration
    private let retention: Duration
    private let batch: Int
    private let queued: @Sendable () -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - interval: from one sweep to the next.
    ///   - retention: for how long fulfilled and cancelled expectations are kept.
    ///   - batch: the most expectations of one transaction.
    ///   - queued: told after each commit that queued jobs.
    public init(
        pool: Pool, keyring: Keyring, interval: Duration = .seconds(60), retention: Duration = .seconds(90 * 86_400),
        batch: Int = 500, queued: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        self.pool = pool
        self.keyring = keyring
        self.interval = interval
        self.retention = retention
        self.batch = max(1, batch)
        self.queued = queued
        self.logger = logger
    }

    public func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let tally = try await runOnce()
                    if tally.asked > 0 || tally.reopened > 0 {
                        logger.notice(
                            "expectations.swept",
                            metadata: [
                                "asked": "\(tally.asked)", "joined": "\(tally.joined)",
                                "fulfilled": "\(tally.fulfilled)", "reopened": "\(tally.reopened)",
                            ])
                    }
                } catch {
                    guard !Task.isCancelled else { return }
                    logger.warning("expectations.sweep_failed", metadata: ["err.msg": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Looks at all whose time is up now, batch by batch, and at none of them twice.
    public func runOnce() async throws -> Tally {
        var tally = Tally()
        guard let begun = try await pool.query(FeedReader.lane, Self.clock).first?.timestamptz("begun") else {
            return tally
        }
        tally.reopened = try await pool.query(FeedReader.lane, Self.reopen, [.int8(Int64(batch))]).affected
        while !Task.isCancelled {
            let (count, part) = try await lookAtBatch(dueBy: begun)
            tally.fulfilled += part.fulfilled
            tally.asked += part.asked
            tally.joined += part.joined
            if part.asked > 0 { queued() }
            if count < batch { break }
        }
        for statement in [Self.removeFulfilled, Self.removeCancelled] {
            let parameters: [Parameter] = [.int8(retention.components.seconds), .int8(Int64(batch))]
            tally.removed += try await pool.query(FeedReader.lane, statement, parameters).affected
        }
        return tally
    }

    static let clock = Statement("expectations.clock", "SELECT now() AS begun")

    // MARK: One batch

    /// Whoever locks a row first looks at it; another sweep passes it over and finds it put off when it comes again.
    static let take = Statement(
        "expectations.take",
        """
        SELECT id FROM settled.expectations
        WHERE fulfilled_at IS NULL AND cancelled_at IS NULL AND next_look_at <= $2
        ORDER BY next_look_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
        """)
    /// A quarantined job comes last: another may be under way.
    static let look = Statement(
        "expectations.look",
        """
        SELECT l.id, l.app_id, l.trade_no, l.query_token, l.seller_id, l.state = 'fulfilled' AS is_settled,
               l.asked_at IS NOT NULL AS was_asked, extract(epoch FROM now() - greatest(l.due_at, l.added_at))::int8 AS missing_for,
               (SELECT j.id FROM settled.jobs j
                WHERE j.subject = coalesce(l.trade_no, l.query_token) AND j.kind = $2 AND j.args->>'app_id' = l.app_id
                ORDER BY j.state = 'quarantined', j.id LIMIT 1) AS live_job
        FROM settled.expectation_list l WHERE l.id = ANY ($1::int8[])
        ORDER BY l.id
        """)
    static let note = Statement(
        "expectations.note",
        """
        UPDATE settled.expectations e
        SET fulfilled_at = CASE WHEN t.is_fulfilled THEN now() END,
            job_id = coalesce(t.job_id, e.job_id),
            asked_at = CASE WHEN t.job_id IS NULL THEN e.asked_at ELSE now() END,
            next_look_at = now() + t.pause * interval '1 second'
        FROM unnest($1::int8[], $2::bool[], $3::int8[], $4::int8[]) AS t (id, is_fulfilled, job_id, pause)
        WHERE e.id = t.id
        """)

    /// - Returns: how many were looked at, and what was done.
    private func lookAtBatch(dueBy begun: Timestamp) async throws -> (count: Int, tally: Tally) {
        let credentials = keyring.current
        return try await pool.transaction(FeedReader.lane) { [batch] tx in
            let ids = try tx.query(Self.take, [.int8(Int64(batch)), .timestamptz(begun)]).map { try $0.int8("id") }
            guard !ids.isEmpty else { return (0, Tally()) }
            let open = try tx.query(Self.look, [.int8Array(ids), .text(PayResultJob.kind)]).map(Open.init)
            let steps = open.map { ExpectationStep($0.look) }
            let asking = zip(open, steps).filter { $0.1 == .ask }.map(\.0)
            let jobs = try JobQueue.enqueue(asking.compactMap { $0.question(credentials) }, in: tx)
            var answers = jobs[...]
            var tally = Tally()
            let notes = zip(open, steps).map { open, step -> (isFulfilled: Bool, jobID: Int64?) in
                switch step {
                case .fulfil:
                    tally.fulfilled += 1
                    return (true, nil)
                case .ask:
                    // A job that held the key already is joined like any other.
                    let job = answers.popFirst()
                    if job?.isNew == true { tally.asked += 1 } else { tally.joined += 1 }
                    return (false, job?.jobID)
                case .join(let job):
                    tally.joined += 1
                    return (false, job)
                case .wait: return (false, nil)
                }
            }
            _ = try tx.query(
                Self.note,
                [
                    .int8Array(open.map(\.id)), .boolArray(notes.map(\.isFulfilled)), .int8Array(notes.map(\.jobID)),
                    .int8Array(open.map { ExpectationStep.pause(after: $0.missingFor).components.seconds }),
                ])
            return (ids.count, tally)
        }
    }

    /// An expectation under the sweep's lock.
    private struct Open: Sendable {
        let id: Int64
        let appID: String?
        let tradeNo: String?
        let queryToken: String?
        let sellerID: String?
        /// Since its time was up, or since it was added if that was later.
        let missingFor: Duration
        let look: ExpectationStep.Look

        init(_ row: Row) throws {
            id = try row.int8("id")
            appID = try row.textOrNil("app_id")
            tradeNo = try row.textOrNil("trade_no")
            queryToken = try row.textOrNil("query_token")
            sellerID = try row.textOrNil("seller_id")
            missingFor = .seconds(try row.int8("missing_for"))
            look = ExpectationStep.Look(
                isSettled: try row.bool("is_settled"), canBeAsked: appID != nil, wasAsked: try row.bool("was_asked"),
                liveJob: try row.int8OrNil("live_job"))
        }

        /// The same job that `settled query` would queue, behind the notifications.
        func question(_ credentials: Credentials) -> NewJob? {
            appID.map { appID in
                PayResultJob(
                    source: credentials.source(of: appID)?.name ?? PayResultJob.byHand, appID: appID, tradeNo: tradeNo,
                    queryToken: queryToken, sellerID: sellerID
                ).question(namedSeller: sellerID, priority: .low)
            }
        }
    }

    // MARK: What came later

    /// A bill whose payment was reversed after it was done with is missing again. Both times are those at which transactions
    /// began, so one that was under way in the sweep's may have committed later: hence the hour.
    static let reopen = Statement(
        "expectations.reopen_reversed",
        """
        UPDATE settled.expectations SET fulfilled_at = NULL, next_look_at = now()
        WHERE id IN (
            SELECT l.id
            FROM settled.settlements r
            JOIN settled.settlements o ON o.id = r.original_id
            JOIN settled.settlement_bills b ON b.settlement_id = o.id
            JOIN settled.expectation_list l ON l.bill_entry_id = b.bill_entry_id AND l.community_id = o.community_id
            WHERE r.original_id IS NOT NULL AND l.cancelled_at IS NULL
              AND r.confirmed_at > l.fulfilled_at - interval '1 hour' AND l.state <> 'fulfilled'
            LIMIT $1)
          AND fulfilled_at IS NOT NULL
        """)

    static let removeFulfilled = Statement(
        "expectations.remove_fulfilled",
        """
        DELETE FROM settled.expectations WHERE id IN (
            SELECT id FROM settled.expectations WHERE fulfilled_at < now() - $1 * interval '1 second'
            ORDER BY fulfilled_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """)
    static let removeCancelled = Statement(
        "expectations.remove_cancelled",
        """
        DELETE FROM settled.expectations WHERE id IN (
            SELECT id FROM settled.expectations WHERE cancelled_at < now() - $1 * interval '1 second'
            ORDER BY cancelled_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        """)
}
