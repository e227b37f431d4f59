/// What became of one order's instalments, as the platform tells it now.
public struct AgreementPayBill: Sendable, Hashable {
    /// Where the order stands.
    public enum Status: Sendable, Hashable, CustomStringConvertible {
        case initial, partial, succeeded, failed
        /// A word that its page does not have. The order goes on being asked about.
        case other(String)

        public init(_ word: String) {
            switch word {
            case "INIT": self = .initial
            case "PARTIAL_SUCCESSED": self = .partial
            case "SUCCESSED": self = .succeeded
            case "FAILED": self = .failed
            default: self = .other(word)
            }
        }

        public var description: String {
            switch self {
            case .initial: "INIT"
            case .partial: "PARTIAL_SUCCESSED"
            case .succeeded: "SUCCESSED"
            case .failed: "FAILED"
            case .other(let word): word
            }
        }

        /// Whether nothing more will happen to the order.
        public var isFinal: Bool { self == .succeeded || self == .failed }
    }

    /// One instalment (计划).
    public struct Detail: Sendable, Hashable {
        /// Unique within the order: `R1_<biz_order_id>_<n>`.
        public var planID: String
        /// An open set; only `SUCCESSED` means that the money moved.
        public var status: String
        public var statusText: String?
        /// The digits as they came; the unit is a matter of configuration.
        public var amount: String?
        public var alipayTradeNo: String?
        /// Unix seconds, read in China's time.
        public var paidAt: Int64?
        public var createdAt: Int64?
        public var errorCode: String?
        public var errorMessage: String?

        public init(
            planID: String, status: String, statusText: String? = nil, amount: String?, alipayTradeNo: String? = nil,
            paidAt: Int64? = nil, createdAt: Int64? = nil, errorCode: String? = nil, errorMessage: String? = nil
        ) {
            self.planID = planID
            self.status = status
            self.statusText = statusText
            self.amount = amount
            self.alipayTradeNo = alipayTradeNo
            self.paidAt = paidAt
            self.createdAt = createdAt
            self.errorCode = errorCode
            self.errorMessage = errorMessage
        }

        public var isSuccessful: Bool { status == "SUCCESSED" }
    }

    public var bizOrderID: String?
    public var payBizCode: String?
    public var status: Status
    public var statusText: String?
    /// The digits as they came.
    public var totalAmount: String?
    public var details: [Detail]

    public init(
        bizOrderID: String?, payBizCode: String?, status: Status, statusText: String? = nil, totalAmount: String?,
        details: [Detail]
    ) {
        self.bizOrderID = bizOrderID
        self.payBizCode = payBizCode
        self.status = status
        self.statusText = statusText
        self.totalAmount = totalAmount
        self.details = details
    }

    /// Whether this is the bill of `order`. The platform signs nothing, so an answer that does not say whose it is counts
    /// for nothing.
    public func echoes(_ order: WithholdingOrder) -> Bool {
        bizOrderID == order.bizOrderID && payBizCode == order.payBizCode
    }
}
