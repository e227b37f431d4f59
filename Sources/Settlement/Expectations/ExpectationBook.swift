import Postgres
import Wire

/// Takes expectations in and cancels them. Adding one again changes nothing, unless it was cancelled.
public struct ExpectationBook: Sendable {
    /// What became of an expectation that was to be added.
    public struct Entry: Sendable, Hashable {
        public enum Result: String, Sendable, CaseIterable {
            case added
            /// It is there, and stays as it was first written down.
            case known
            /// It had been cancelled, and is expected again as it is written now.
            case reopened
        }

        public let expectation: Expected
        public let id: Int64
        public let result: Result
        public let state: ExpectationState
        public let dueAt: Timestamp
    }

    /// The most expectations of one statement.
    static let batch = 2000

    let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    // MARK: Adding

    static let insert = Statement(
        "expectations.insert",
        """
        INSERT INTO settled.expectations
            (app_id, trade_no, query_token, seller_id, bill_entry_id, community_id, due_on, amount_fen, due_at, next_look_at,
             added_by)
        SELECT app_id, trade_no, query_token, seller_id, bill_entry_id, community_id, due_on::date, amount_fen, d.at, d.at, $11
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int8[],
                    $9::timestamptz[], $10::int8[]) WITH ORDINALITY
                AS t (app_id, trade_no, query_token, seller_id, bill_entry_id, community_id, due_on, amount_fen, due_at,
                      wait, position),
             LATERAL (SELECT coalesce(t.due_at, now() + t.wait * interval '1 microsecond') AS at) AS d
        ORDER BY position
        ON CONFLICT (subject) DO NOTHING
        RETURNING subject
        """)
    static let reopen = Statement(
        "expectations.reopen",
        """
        WITH locked AS MATERIALIZED (
            SELECT id, subject FROM settled.expectations WHERE subject = ANY ($1::text[]) AND cancelled_at IS NOT NULL
            ORDER BY subject FOR UPDATE
        )
        UPDATE settled.expectations e
        SET seller_id = t.seller_id, due_on = t.due_on::date, amount_fen = t.amount_fen, due_at = d.at, next_look_at = d.at,
            added_at = now(), added_by = $7, asked_at = NULL, job_id = NULL, fulfilled_at = NULL, cancelled_at = NULL,
            cancelled_by = NULL, cancel_reason = NULL
        FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::timestamptz[], $6::int8[])
                AS t (subject, seller_id, due_on, amount_fen, due_at, wait),
             LATERAL (SELECT coalesce(t.due_at, now() + t.wait * interval '1 microsecond') AS at) AS d, locked
        WHERE locked.subject = t.subject AND e.id = locked.id
        RETURNING e.subject
        """)
    static let find = Statement(
        "expectations.find",
        "SELECT id, subject, state, due_at FROM settled.expectation_list WHERE subject = ANY ($1::text[])")

    /// Adds all of `expectations`, or none when something fails.
    ///
    /// - Parameters:
    ///   - actor: who adds them, kept with each.
    ///   - isRehearsal: only says what would happen.
    /// - Returns: one entry for each, in their order; one that occurs twice is known the second time.
    public func add(
        _ expectations: [Expected], by actor: String, isRehearsal: Bool = false
    ) async throws -> [Entry] {
        do {
            return try await pool.transaction(FeedReader.lane, deadline: .seconds(1800)) { tx in
                let entries = try Self.add(expectations, by: actor, in: tx)
                // What would happen is found out by doing it, and undone.
                if isRehearsal { throw Rehearsed(entries: entries) }
                return entries
            }
        } catch let rehearsed as Rehearsed {
            return rehearsed.entries
        }
    }

    private struct Rehearsed: Error {
        let entries: [Entry]
    }

    /// ``add(_:by:isRehearsal:)`` for the holder of a token, with the answer as JSON.
    ///
    /// With a key the answer is kept for a day in the transaction that adds: the same request again gets the same answer.
    /// - Throws: ``IdempotencyKeyReused`` when the key came with another request before.
    public func add(_ request: ExpectationRequest, by token: TokenStore.Token, key: String?) async throws -> [UInt8] {
        try await pool.transaction(FeedReader.lane) { tx in
            if let key, let kept = try IdempotencyKey.take(key, token: token.id, for: request.digest, in: tx) {
                return kept
            }
            let entries = try Self.add(request.expectations, by: "token \(token.id) (\(token.name))", in: tx)
            let answer = Self.answer(entries)
            if let key { try IdempotencyKey.keep(answer, for: key, token: token.id, in: tx) }
            return answer
        }
    }

    /// In the order of their keys, so that two who add the same wait for each other instead of deadlocking.
    private static func add(
        _ expectations: [Expected], by actor: String, in tx: isolated Connection
    ) throws -> [Entry] {
        let keys = expectations.map(\.key)
        var first: [String: Int] = [:]
        for (position, key) in keys.enumerated() where first[key] == nil { first[key] = position }
        let order = first.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map(\.value)
        var entries: [String: Entry] = [:]
        for start in stride(from: 0, to: order.count, by: batch) {
            let part = order[start..<min(start + batch, order.count)].map { expectations[$0] }
            for entry in try write(part, by: actor, in: tx) { entries[entry.expectation.key] = entry }
        }
        return try expectations.enumerated().map { position, expectation in
            guard let entry = entries[keys[position]] else {
                throw PostgresError(.server, "an expectation went while it was added", isTransient: true)
            }
            let result = first[keys[position]] == position ? entry.result : .known
            return Entry(
                expectation: expectation, id: entry.id, result: result, state: entry.state, dueAt: entry.dueAt)
        }
    }

    /// - Parameter part: no two with one key.
    private static func write(_ part: [Expected], by actor: String, in tx: isolated Connection) throws -> [Entry] {
        let rows = part.map(ExpectationRow.init)
        let added = Set(try tx.query(insert, rows.inserted + [.text(actor)]).map { try $0.text("subject") })
        let others = zip(part, rows).filter { !added.contains($0.0.key) }
        var reopened: Set<String> = []
        if !others.isEmpty {
            let keys: [Parameter] = [.textArray(others.map(\.0.key))]
            let parameters = keys + others.map(\.1).reopened + [.text(actor)]
            reopened = Set(try tx.query(reopen, parameters).map { try $0.text("subject") })
        }
        var found: [String: Row] = [:]
        for row in try tx.query(find, [.textArray(part.map(\.key))]) { found[try row.text("subject")] = row }
        return try part.compactMap { expectation in
            let key = expectation.key
            guard let row = found[key] else { return nil }
            return Entry(
                expectation: expectation, id: try row.int8("id"),
                result: added.contains(key) ? .added : reopened.contains(key) ? .reopened : .known,
                state: try ExpectationState(row), dueAt: try row.timestamptz("due_at"))
        }
    }

    private static func answer(_ entries: [Entry]) -> [UInt8] {
        var json = JSONWriter(capacity: 64 + entries.count * 160)
        json.object { json in
            json.array("items") { json in
                for entry in entries { json.element(raw: entry.json) }
            }
            json.member("added", Int64(entries.count { $0.result == .added }))
        }
        return json.bytes
    }
}

/// An expectation as columns.
private struct ExpectationRow {
    var appID: String?
    var tradeNo: String?
    var queryToken: String?
    var sellerID: String?
    var billEntryID: String?
    var communityID: String?
    var dueOn: String?
    var amountFen: Int64?
    var dueAt: Timestamp?
    var wait: Int64?

    init(_ expectation: Expected) {
        switch expectation {
        case .payment(let payment):
            appID = payment.appID
            sellerID = payment.sellerID
            switch payment.subject {
            case .tradeNo(let number): tradeNo = number
            case .queryToken(let token): queryToken = token
            }
            wait = payment.wait.components.seconds * 1_000_000
        case .bill(let bill):
            billEntryID = bill.entryID
            communityID = bill.communityID
            dueOn = bill.due.text
            amountFen = bill.amount?.fen
            dueAt = Timestamp(unixSeconds: bill.due.endsAt)
        }
    }
}

extension [ExpectationRow] {
    fileprivate var inserted: [Parameter] {
        [
            .textArray(map(\.appID)), .textArray(map(\.tradeNo)), .textArray(map(\.queryToken)),
            .textArray(map(\.sellerID)), .textArray(map(\.billEntryID)), .textArray(map(\.communityID)),
            .textArray(map(\.dueOn)), .int8Array(map(\.amountFen)), .timestamptzArray(map(\.dueAt)),
            .int8Array(map(\.wait)),
        ]
    }

    fileprivate var reopened: [Parameter] {
        [
            .textArray(map(\.sellerID)), .textArray(map(\.dueOn)), .int8Array(map(\.amountFen)),
            .timestamptzArray(map(\.dueAt)), .int8Array(map(\.wait)),
        ]
    }
}

extension ExpectationBook.Entry {
    /// What became of it as one JSON object, the same for API and commands.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            json.member("id", id)
            json.member("result", result.rawValue)
            json.member("state", state.rawValue)
            switch expectation {
            case .payment(let payment):
                switch payment.subject {
                case .tradeNo(let number): json.member("trade_no", number)
                case .queryToken(let token): json.member("query_token", token)
                }
                json.member("app_id", payment.appID)
            case .bill(let bill):
                json.member("bill_entry_id", bill.entryID)
                json.member("community_id", bill.communityID)
            }
            json.member("due_at", dueAt.rfc3339(offsetSeconds: 8 * 3600))
        }
        return json.bytes
    }
}
