import Wire

/// One payment as the platform knows it: the truth that settlements are compared with.
///
/// Amounts are fen (1 yuan = 100 fen), times are Unix seconds. Field meanings: response of `alipay.eco.cplife.pay.result.query`.
public struct Trade: Sendable, Hashable, Codable {
    /// `trade_status` of the gateway. Only `TRADE_SUCCESS` and `TRADE_FINISHED` mean that money was received.
    public enum Status: String, Sendable, Hashable, Codable {
        case waiting = "WAIT_BUYER_PAY"
        case closed = "TRADE_CLOSED"
        case success = "TRADE_SUCCESS"
        case finished = "TRADE_FINISHED"

        public var isPaid: Bool { self == .success || self == .finished }
    }

    /// One entry of `assoc_bill_details`.
    public struct Bill: Sendable, Hashable, Codable {
        public var id: String
        public var period: String
        public var costType: String
        public var fen: Int64

        public init(id: String, period: String, costType: String, fen: Int64) {
            self.id = id
            self.period = period
            self.costType = costType
            self.fen = fen
        }
    }

    /// One entry of `fund_bill_list`.
    public struct Fund: Sendable, Hashable, Codable {
        public var channel: String
        public var fen: Int64

        public init(channel: String, fen: Int64) {
            self.channel = channel
            self.fen = fen
        }
    }

    public var tradeNo: String
    /// The token by which the trade can be asked for instead of its number; some payment modes notify nothing else.
    public var queryToken: String?
    public var status: Status
    public var sellerID: String
    public var buyerUserID: String
    /// Masked by the platform, e.g. `159****5620`.
    public var buyerLogonID: String
    public var totalFen: Int64
    public var roomID: String
    public var communityID: String
    public var householdID: String
    /// `00` uploaded bill, `CJ` arrears asked for live, `YC` deposit.
    public var bizType: String
    public var paidAt: Int64
    public var bills: [Bill]
    public var funds: [Fund]
    /// The authorisation whose holder may see the trade; nil when the app itself is the merchant.
    public var appAuthToken: String?
    /// True when the trade was paid at any time, also when it is closed by now (fully refunded).
    public private(set) var wasPaid: Bool

    public init(
        tradeNo: String, queryToken: String? = nil, status: Status = .success, sellerID: String, buyerUserID: String,
        buyerLogonID: String, totalFen: Int64, roomID: String, communityID: String, householdID: String,
        bizType: String = "00", paidAt: Int64, bills: [Bill], funds: [Fund], appAuthToken: String? = nil
    ) {
        self.tradeNo = tradeNo
        self.queryToken = queryToken
        self.status = status
        self.sellerID = sellerID
        self.buyerUserID = buyerUserID
        self.buyerLogonID = buyerLogonID
        self.totalFen = totalFen
        self.roomID = roomID
        self.communityID = communityID
        self.householdID = householdID
        self.bizType = bizType
        self.paidAt = paidAt
        self.bills = bills
        self.funds = funds
        self.appAuthToken = appAuthToken
        self.wasPaid = status.isPaid
    }

    /// `biz_entity_id` of the answer and `body` of the notification: room, community and household joined with `|`.
    public var bizEntityID: String { "\(roomID)|\(communityID)|\(householdID)" }

    /// Moves the trade to another status; that it was once paid is not forgotten.
    public mutating func move(to status: Status) {
        self.status = status
        wasPaid = wasPaid || status.isPaid
    }
}

/// Fen as the yuan text of the wire, e.g. 1021 → `10.21`, -5 → `-0.05`.
func yuan(_ fen: Int64) -> String {
    let cents = fen.magnitude % 100
    return "\(fen < 0 ? "-" : "")\(fen.magnitude / 100).\(cents < 10 ? "0" : "")\(cents)"
}
