/// A settlement as the receiver recorded it, handed to the witness by whoever can read the receiver's database.
public struct SettledTrade: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable { case payment, reversal }

    public var kind: Kind
    public var tradeNo: String
    /// Negative for a reversal.
    public var totalFen: Int64
    public var sellerID: String
    /// Unix seconds.
    public var paidAt: Int64?
    public var bills: [Trade.Bill]
    public var funds: [Trade.Fund]

    public init(
        kind: Kind = .payment, tradeNo: String, totalFen: Int64, sellerID: String, paidAt: Int64? = nil,
        bills: [Trade.Bill], funds: [Trade.Fund]
    ) {
        self.kind = kind
        self.tradeNo = tradeNo
        self.totalFen = totalFen
        self.sellerID = sellerID
        self.paidAt = paidAt
        self.bills = bills
        self.funds = funds
    }
}

/// How one of the receiver's jobs ended, with the names that the notification gave.
public struct JobAccount: Sendable, Hashable, Codable {
    public var tradeNo: String?
    public var queryToken: String?
    /// `settled`, `already_settled`, `nothing_due`, `failed`, `quarantined`, `cancelled`; `pending` and anything else is not an end.
    public var outcome: String
    public var cause: String?

    public init(tradeNo: String? = nil, queryToken: String? = nil, outcome: String, cause: String? = nil) {
        self.tradeNo = tradeNo
        self.queryToken = queryToken
        self.outcome = outcome
        self.cause = cause
    }
}

/// All that the receiver says of itself.
public struct ReceiverAccount: Sendable, Codable {
    public var settlements: [SettledTrade]
    public var jobs: [JobAccount]

    public init(settlements: [SettledTrade] = [], jobs: [JobAccount] = []) {
        self.settlements = settlements
        self.jobs = jobs
    }
}
