import Wire

/// What alipay.eco.cplife.pay.result.query answers about one payment, in our own types.
///
/// Text that the answer lacks is nil, except where the field names what the money was for: a bill without an id has the
/// id "" and the flag ``Flag/billWithoutID``. Amounts are fen and were never a floating-point number.
public struct PayResult: Sendable, Hashable {
    /// Alipay's number of the trade; at most 64 characters.
    public var tradeNo: String
    public var buyerUserID: String?
    /// The buyer's login name, masked by Alipay.
    public var buyerLogonID: String?
    /// The property company that was paid.
    public var sellerID: String?
    public var tradeStatus: TradeStatus
    public var totalAmount: Amount
    public var bizEntity: BizEntity
    /// `00` uploaded bills, `CJ` arrears asked live, `YC` deposit; an open set.
    public var bizType: String?
    /// When the buyer paid, in seconds since 1970.
    public var paidAt: Int64?
    /// By which means it was paid. Discounts may make their sum differ from the total.
    public var funds: [Fund]
    public var bills: [Bill]
    public var flags: Set<Flag>

    public init(
        tradeNo: String, buyerUserID: String? = nil, buyerLogonID: String? = nil, sellerID: String? = nil,
        tradeStatus: TradeStatus, totalAmount: Amount, bizEntity: BizEntity = BizEntity(), bizType: String? = nil,
        paidAt: Int64? = nil, funds: [Fund] = [], bills: [Bill] = [], flags: Set<Flag> = []
    ) {
        self.tradeNo = tradeNo
        self.buyerUserID = buyerUserID
        self.buyerLogonID = buyerLogonID
        self.sellerID = sellerID
        self.tradeStatus = tradeStatus
        self.totalAmount = totalAmount
        self.bizEntity = bizEntity
        self.bizType = bizType
        self.paidAt = paidAt
        self.funds = funds
        self.bills = bills
        self.flags = flags
    }

    /// `biz_entity_id`: which flat paid. Three parts joined by `|`; the last is free text and may itself contain `|`.
    public struct BizEntity: Sendable, Hashable {
        /// Alipay's id of the room.
        public var roomID: String?
        /// Alipay's id of the community.
        public var communityID: String?
        /// The property company's own number of the household.
        public var householdID: String?

        public init(roomID: String? = nil, communityID: String? = nil, householdID: String? = nil) {
            self.roomID = roomID
            self.communityID = communityID
            self.householdID = householdID
        }
    }

    public struct Fund: Sendable, Hashable {
        /// `ALIPAYACCOUNT`, `PCREDIT`, `COUPON` …; an open set.
        public var channel: String
        public var amount: Amount

        public init(channel: String, amount: Amount) {
            self.channel = channel
            self.amount = amount
        }
    }

    public struct Bill: Sendable, Hashable {
        /// Our own bill id; in mode YC the account number, which recurs. Unique at most within a community.
        public var id: String
        public var period: String?
        public var costType: String?
        public var amount: Amount

        public init(id: String, period: String? = nil, costType: String? = nil, amount: Amount) {
            self.id = id
            self.period = period
            self.costType = costType
            self.amount = amount
        }
    }

    /// What was odd about an answer that could be read all the same.
    public enum Flag: String, Sendable, Hashable, CaseIterable {
        /// `TRADE_SUCCES`, as in the API page's example.
        case statusMisspelt = "status_misspelt"
        /// `biz_entity_id` has fewer than three parts.
        case entityIncomplete = "entity_incomplete"
        /// `gmt_payment` is there but is no time.
        case paidAtUnreadable = "paid_at_unreadable"
        case billWithoutID = "bill_without_id"
        /// A list arrived as one object, as Alipay's SDK declares it; several bills may have been folded into one.
        case billsSingleObject = "bills_single_object"
        case fundsSingleObject = "funds_single_object"
    }
}
