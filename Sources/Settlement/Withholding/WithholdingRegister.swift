import JobQueue
import Postgres
import Taobao
import Wire

/// Takes orders into the list of those that are asked about. Adding an order again changes nothing.
public struct WithholdingRegister: Sendable {
    /// What became of an order that was to be added.
    public struct Entry: Sendable, Hashable {
        public enum Result: String, Sendable, CaseIterable {
            /// It is new, and its first question is queued.
            case added
            /// It is in the list, and has ended or is being asked about.
            case known
            /// It is in the list and has not ended, but no job asked about it any more; now one does.
            case resumed
        }

        public let order: WithholdingOrder
        public let result: Result
        /// nil when nothing was written.
        public let jobID: Int64?

        var json: [UInt8] {
            var json = JSONWriter(capacity: 128)
            json.object { json in
                json.member("biz_order_id", order.bizOrderID)
                json.member("pay_biz_code", order.payBizCode)
                json.member("result", result.rawValue)
                json.member("job_id", orNull: jobID)
            }
            return json.bytes
        }
    }

    /// The most orders of one transaction.
    static let batch = 1000

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let find = Statement(
        "withholdings.find",
        """
        SELECT w.pay_biz_code, w.biz_order_id, w.job_id,
               w.ended_at IS NULL AND NOT EXISTS (SELECT FROM settled.jobs j WHERE j.id = w.job_id) AS is_left
        FROM settled.withholdings w
        JOIN unnest($1::text[], $2::text[]) AS asked (code, id) ON w.pay_biz_code = asked.code AND w.biz_order_id = asked.id
        """)
    static let insert = Statement(
        "withholdings.insert",
        """
        INSERT INTO settled.withholdings AS w (pay_biz_code, biz_order_id, job_id, added_by)
        SELECT code, id, job_id, $4 FROM unnest($1::text[], $2::text[], $3::int8[]) AS t (code, id, job_id)
        ORDER BY code, id
        ON CONFLICT (pay_biz_code, biz_order_id) DO UPDATE SET job_id = EXCLUDED.job_id WHERE w.ended_at IS NULL
        """)

    /// Adds `orders`, and queues the first question about each that is new.
    ///
    /// - Parameters:
    ///   - actor: who adds them, kept with each.
    ///   - isRehearsal: only says what would happen.
    /// - Returns: one entry for each order, in their order; an order that occurs twice is known the second time.
    public func add(_ orders: [WithholdingOrder], by actor: String, isRehearsal: Bool = false) async throws -> [Entry] {
        var entries: [Entry] = []
        for start in stride(from: 0, to: orders.count, by: Self.batch) {
            let part = Array(orders[start..<min(start + Self.batch, orders.count)])
            let earlier = isRehearsal ? Set(entries.map(\.order)) : []
            entries += try await pool.transaction(FeedReader.lane) { tx in
                try Self.add(part, by: actor, isRehearsal: isRehearsal, after: earlier, in: tx)
            }
        }
        if !isRehearsal { await announce(entries) }
        return entries
    }

    /// ``add(_:by:isRehearsal:)`` for the holder of a token, with the answer as JSON.
    ///
    /// With a key the answer is kept for a day in the transaction that adds: the same request again gets the same answer.
    /// - Throws: ``IdempotencyKeyReused`` when the key came with another request before.
    public func add(_ request: WithholdingRequest, by token: TokenStore.Token, key: String?) async throws -> [UInt8] {
        let (answer, entries) = try await pool.transaction(FeedReader.lane) { tx in
            if let key, let kept = try IdempotencyKey.take(key, token: token.id, for: request.digest, in: tx) {
                return (kept, [Entry]())
            }
            let entries = try Self.add(request.orders, by: "token \(token.id) (\(token.name))", in: tx)
            let answer = Self.answer(entries)
            if let key { try IdempotencyKey.keep(answer, for: key, token: token.id, in: tx) }
            return (answer, entries)
        }
        await announce(entries)
        return answer
    }

    private static func add(
        _ orders: [WithholdingOrder], by actor: String, isRehearsal: Bool = false,
        after earlier: Set<WithholdingOrder> = [],
        in tx: isolated Connection
    ) throws -> [Entry] {
        var known: [WithholdingOrder: (jobID: Int64, isLeft: Bool)] = [:]
        let keys: [Parameter] = [.textArray(orders.map(\.payBizCode)), .textArray(orders.map(\.bizOrderID))]
        for row in try tx.query(find, keys) {
            let order = try WithholdingOrder(bizOrderID: row.text("biz_order_id"), payBizCode: row.text("pay_biz_code"))
            known[order] = (jobID: try row.int8("job_id"), isLeft: try row.bool("is_left"))
        }
        var seen = earlier
        let results = orders.map { order -> Entry.Result in
            guard seen.insert(order).inserted else { return .known }
            return known[order].map { $0.isLeft ? .resumed : .known } ?? .added
        }
        var jobs = known.mapValues(\.jobID)
        let due = zip(orders, results).filter { $0.1 != .known }.map(\.0)
        if !isRehearsal, !due.isEmpty {
            let queued = try JobQueue.enqueue(due.map(WithholdingJob.new), in: tx).map(\.jobID)
            _ = try tx.query(
                insert,
                [
                    .textArray(due.map(\.payBizCode)), .textArray(due.map(\.bizOrderID)), .int8Array(queued),
                    .text(actor),
                ])
            for (order, id) in zip(due, queued) { jobs[order] = id }
        }
        return zip(orders, results).map { Entry(order: $0, result: $1, jobID: jobs[$0]) }
    }

    /// Runners poll in any case, so a failure here costs a second.
    private func announce(_ entries: [Entry]) async {
        guard entries.contains(where: { $0.result != .known }) else { return }
        try? await pool.withConnection(FeedReader.lane) { connection in
            try await JobSignal.announce([WithholdingJob.queue], on: connection)
        }
    }

    private static func answer(_ entries: [Entry]) -> [UInt8] {
        var json = JSONWriter(capacity: 64 + entries.count * 96)
        json.object { json in
            json.array("items") { json in
                for entry in entries { json.element(raw: entry.json) }
            }
            json.member("added", Int64(entries.count { $0.result == .added }))
        }
        return json.bytes
    }
}
