import Postgres
import Wire

/// Where an expectation stands, read from the ledger at the moment of asking.
public enum ExpectationState: String, Sendable, Hashable, CaseIterable {
    /// Its time is not up.
    case waiting
    /// Its time is up, and there is no settlement.
    case missing
    case fulfilled
    case cancelled
}

/// One expectation as people and programs see it.
public struct ExpectationRecord: Sendable {
    public enum Kind: String, Sendable, Hashable { case trade, token, bill }

    /// The job that asks or asked.
    public struct Asked: Sendable {
        public let at: Timestamp
        public let jobID: Int64
        /// nil when the job has been pruned.
        public let jobState: String?
        public let outcome: String?
        public let cause: String?
        public let message: String?
    }

    /// What the ledger has for it.
    public struct Settled: Sendable {
        /// The latest one, where several name a bill.
        public let settlementID: Int64
        /// Of a trade its total, of a bill the sum of the lines that name it.
        public let fen: Int64
        public let at: Timestamp
    }

    public struct Cancelled: Sendable {
        public let at: Timestamp
        public let by: String
        public let reason: String
    }

    public let id: Int64
    public let kind: Kind
    public let state: ExpectationState
    /// The trade number, the token or the bill's id.
    public let subject: String
    public let appID: String?
    public let sellerID: String?
    public let communityID: String?
    /// `yyyy-MM-dd`, the last day on which a bill is in time.
    public let dueOn: String?
    public let amountFen: Int64?
    public let dueAt: Timestamp
    /// Seconds since `dueAt`, by the database's clock; negative before.
    public let overdueSeconds: Int64
    public let addedAt: Timestamp
    public let addedBy: String
    public let asked: Asked?
    public let settled: Settled?
    public let cancelled: Cancelled?
}

extension ExpectationRecord {
    /// What was done about it and what came of that, in a few words.
    public var done: String {
        switch state {
        case .cancelled: "cancelled by \(cancelled?.by ?? "")"
        case .fulfilled: "settlement \(settled?.settlementID ?? 0)"
        case .waiting, .missing:
            if let asked {
                "job \(asked.jobID) \(asked.outcome ?? asked.jobState ?? "pruned")"
                    + (asked.cause.map { " (\($0))" } ?? "")
            } else if let settled, let amountFen {
                "\(Amount(fen: settled.fen).yuan) of \(Amount(fen: amountFen).yuan) settled"
            } else if state == .waiting {
                "nothing yet"
            } else {
                kind == .bill ? "a bill cannot be asked for" : "is asked for with the next sweep"
            }
        }
    }

    /// The expectation as one JSON object, the same for API and commands.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 768)
        json.object { json in
            json.member("id", id)
            json.member("kind", kind.rawValue)
            json.member("state", state.rawValue)
            json.member("trade_no", orNull: kind == .trade ? subject : nil)
            json.member("query_token", orNull: kind == .token ? subject : nil)
            json.member("app_id", orNull: appID)
            json.member("seller_id", orNull: sellerID)
            json.member("bill_entry_id", orNull: kind == .bill ? subject : nil)
            json.member("community_id", orNull: communityID)
            json.member("due", orNull: dueOn)
            json.member("amount", orNull: amountFen.map { Amount(fen: $0).yuan })
            json.member("amount_fen", orNull: amountFen)
            json.member("due_at", dueAt.local)
            json.member("overdue_seconds", max(0, overdueSeconds))
            json.member("done", done)
            json.member("added_at", addedAt.local)
            json.member("added_by", addedBy)
            json.member("asked_at", orNull: asked?.at.local)
            json.member("job_id", orNull: asked?.jobID)
            json.member("job_state", orNull: asked?.jobState)
            json.member("job_outcome", orNull: asked?.outcome)
            json.member("cause", orNull: asked?.cause)
            json.member("message", orNull: asked?.message)
            json.member("settlement_id", orNull: settled?.settlementID)
            json.member("settled_amount", orNull: settled.map { Amount(fen: $0.fen).yuan })
            json.member("settled_amount_fen", orNull: settled?.fen)
            json.member("settled_at", orNull: settled?.at.local)
            json.member("cancelled_at", orNull: cancelled?.at.local)
            json.member("cancelled_by", orNull: cancelled?.by)
            json.member("cancel_reason", orNull: cancelled?.reason)
        }
        return json.bytes
    }
}

extension Timestamp {
    fileprivate var local: String { rfc3339(offsetSeconds: 8 * 3600) }
}

// MARK: From a row of expectation_list

extension ExpectationState {
    init(_ row: Row) throws {
        let word = try row.text("state")
        guard let state = ExpectationState(rawValue: word) else {
            throw PostgresError(.decoding, "an expectation has the unknown state \(word.prefix(32))")
        }
        self = state
    }
}

extension ExpectationRecord {
    init(_ row: Row) throws {
        let word = try row.text("kind")
        guard let kind = Kind(rawValue: word) else {
            throw PostgresError(.decoding, "an expectation has the unknown kind \(word.prefix(32))")
        }
        self.init(
            id: try row.int8("id"), kind: kind, state: try ExpectationState(row), subject: try row.text("name"),
            appID: try row.textOrNil("app_id"), sellerID: try row.textOrNil("seller_id"),
            communityID: try row.textOrNil("community_id"), dueOn: try row.textOrNil("due_text"),
            amountFen: try row.int8OrNil("amount_fen"), dueAt: try row.timestamptz("due_at"),
            overdueSeconds: try row.int8("overdue"), addedAt: try row.timestamptz("added_at"),
            addedBy: try row.text("added_by"), asked: try Asked(row), settled: try Settled(row),
            cancelled: try Cancelled(row))
    }
}

extension ExpectationRecord.Asked {
    fileprivate init?(_ row: Row) throws {
        guard let at = try row.timestamptzOrNil("asked_at"), let jobID = try row.int8OrNil("job_id") else { return nil }
        self.init(
            at: at, jobID: jobID, jobState: try row.textOrNil("job_state"), outcome: try row.textOrNil("outcome"),
            cause: try row.textOrNil("cause"), message: try row.textOrNil("message") ?? row.textOrNil("note"))
    }
}

extension ExpectationRecord.Settled {
    fileprivate init?(_ row: Row) throws {
        guard let id = try row.int8OrNil("settlement_id") else { return nil }
        self.init(settlementID: id, fen: try row.int8("settled_fen"), at: try row.timestamptz("settled_at"))
    }
}

extension ExpectationRecord.Cancelled {
    fileprivate init?(_ row: Row) throws {
        guard let at = try row.timestamptzOrNil("cancelled_at") else { return nil }
        self.init(at: at, by: try row.text("cancelled_by"), reason: try row.text("cancel_reason"))
    }
}
