import Alipay
import JobQueue
import Postgres

/// Verifies again what was refused, with today's keys, and takes in what verifies now.
///
/// What verifies goes the way of every notification: the same screening, the same deduplication, one commit with its job.
/// The refused body leaves its store in that same commit, so a run that is killed loses nothing and a second run finds
/// only what is left. None of these deliveries was ever acknowledged: the platform may still send one again, and then it
/// is a duplicate.
public struct Reverification: Sendable {
    /// Which of the refused bodies to look at.
    public struct Filter: Sendable {
        public var source: String?
        /// A cause of refusal, such as `bad_signature`.
        public var cause: String?
        /// How long ago it came for the last time, at most.
        public var since: Duration?
        public init() {}
    }

    /// What became of one refused body.
    public struct Result: Sendable, Hashable {
        public enum Verdict: Sendable, Hashable {
            /// It verifies now: taken in, or, in a dry run, what would be.
            case verified(Receipt.Result?)
            /// It does not verify today either.
            case refused(NotificationRejection.Cause)
            /// No source of that name is configured.
            case unknownSource
            /// Another run, or housekeeping, was quicker.
            case gone
        }

        public let source: String
        /// Hex SHA-256 of the body.
        public let digest: String
        /// Why it was refused when it came.
        public let cause: String
        public let verdict: Verdict
    }

    /// The mark that a delivery bears which was taken in this way.
    static let flag = "reverified"

    static let page = Statement(
        "reverify.page",
        """
        SELECT source, body_digest, encode(body_digest, 'hex') AS digest, cause, content_type, remote_address, body
        FROM settled.rejected
        WHERE (source, body_digest) > ($1, $2)
          AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR cause = $4)
          AND ($5::int8 IS NULL OR last_at >= now() - $5 * interval '1 millisecond')
        ORDER BY source, body_digest LIMIT $6
        """)
    static let remove = Statement(
        "reverify.remove",
        """
        DELETE FROM settled.rejected r USING unnest($1::text[], $2::bytea[]) AS t (source, digest)
        WHERE r.source = t.source AND r.body_digest = t.digest
        RETURNING r.source, r.body_digest AS digest
        """)

    /// Bodies of at most 256 KiB each are held in memory at a time.
    private static let pageSize = 200

    private let sources: [String: Source]
    private let merchants: Merchants
    private let pool: Pool
    private let lane: Lane

    public init(sources: [String: Source], merchants: Merchants, pool: Pool, lane: Lane) {
        self.sources = sources
        self.merchants = merchants
        self.pool = pool
        self.lane = lane
    }

    /// Looks at all that `filter` names, page by page, and takes in what verifies.
    ///
    /// - Parameters:
    ///   - actor: who wants it and why, for the audit log; nil only looks and changes nothing.
    ///   - report: told of each page when it is committed.
    public func run(_ filter: Filter, actor: Actor?, report: ([Result]) throws -> Void) async throws {
        var after: (source: String, digest: [UInt8]) = ("", [])
        while true {
            let page = try await read(filter, after: after)
            guard let last = page.last else { return }
            after = (last.source, last.digest)
            try report(try await settle(page, actor))
        }
    }

    private struct Refused: Sendable {
        let source: String
        let digest: [UInt8]
        let name: String
        let cause: String
        let delivery: Delivery

        func result(_ verdict: Result.Verdict) -> Result {
            Result(source: source, digest: name, cause: cause, verdict: verdict)
        }
    }

    private func read(_ filter: Filter, after: (source: String, digest: [UInt8])) async throws -> [Refused] {
        let rows = try await pool.query(
            lane, Self.page,
            [
                .text(after.source), .bytea(after.digest), .optional(filter.source), .optional(filter.cause),
                filter.since.map { .int8(Int64($0 / .milliseconds(1))) } ?? .null, .int8(Int64(Self.pageSize)),
            ])
        return try rows.map { row in
            Refused(
                source: try row.text("source"), digest: try row.bytea("body_digest"), name: try row.text("digest"),
                cause: try row.text("cause"),
                delivery: Delivery(
                    body: try row.bytea("body"), contentType: try row.textOrNil("content_type"),
                    remoteAddress: try row.textOrNil("remote_address")))
        }
    }

    private func settle(_ page: [Refused], _ actor: Actor?) async throws -> [Result] {
        var results: [Result] = []
        var verified: [(Refused, StoredDelivery)] = []
        for refused in page {
            guard let source = sources[refused.source] else {
                results.append(refused.result(.unknownSource))
                continue
            }
            do throws(NotificationRejection) {
                let notification = try source.verifier.verify(
                    body: refused.delivery.body, contentType: refused.delivery.contentType)
                let screening = Screening(notification, from: source, merchants: merchants)
                verified.append(
                    (
                        refused,
                        StoredDelivery(notification, from: source, delivery: refused.delivery, screening: screening)
                            .marked(Self.flag)
                    ))
            } catch {
                results.append(refused.result(.refused(error.cause)))
            }
        }
        guard let actor else { return results + verified.map { $0.0.result(.verified(nil)) } }
        return results + (try await takeIn(verified, actor))
    }

    /// One commit for all; when the database refuses the data of one of them, each in a commit of its own.
    private func takeIn(_ verified: [(Refused, StoredDelivery)], _ actor: Actor) async throws -> [Result] {
        guard !verified.isEmpty else { return [] }
        do {
            return try await commit(verified, actor)
        } catch let error as PostgresError where error.isRefusalOfData {
            guard verified.count == 1 else {
                var results: [Result] = []
                for one in verified { results += try await takeIn([one], actor) }
                return results
            }
            let (refused, delivery) = verified[0]
            return try await commit([(refused, delivery.asUnstorable(error.sqlState ?? "refused"))], actor)
        }
    }

    private func commit(_ verified: [(Refused, StoredDelivery)], _ actor: Actor) async throws -> [Result] {
        let results = try await pool.transaction(lane) { tx -> [Result] in
            // Removing comes first and locks: of two runs at once, each body is taken in by the one that removed it.
            let removed = try tx.query(
                Self.remove, [.textArray(verified.map(\.0.source)), .byteaArray(verified.map(\.0.digest))])
            let ours = try Set(removed.map { Key(source: try $0.text("source"), digest: try $0.bytea("digest")) })
            let (kept, gone) = verified.separated { ours.contains(Key(source: $0.0.source, digest: $0.0.digest)) }
            guard !kept.isEmpty else { return gone.map { $0.0.result(.gone) } }
            let receipts = try DeliveryStore.insert(kept.map(\.1), in: tx, deadline: .seconds(30))
            try AuditLog.note(
                actor: actor.name, action: "notifications.reverify", subject: "\(kept.count) refused notifications",
                reason: actor.reason, on: tx)
            return zip(kept, receipts).map { $0.0.result(.verified($1)) } + gone.map { $0.0.result(.gone) }
        }
        if results.contains(where: { $0.verdict == .verified(.new) }) {
            try await pool.withConnection(lane) { connection in
                try await JobSignal.announce([PayResultJob.queue], on: connection)
            }
        }
        return results
    }

    private struct Key: Hashable {
        let source: String
        let digest: [UInt8]
    }
}

extension Array {
    fileprivate func separated(_ belongs: (Element) -> Bool) -> (first: [Element], second: [Element]) {
        (filter(belongs), filter { !belongs($0) })
    }
}
