import Wire

/// What the business expects to hear of: a payment, which can be asked for when nobody announces it (掉单), or a bill, which
/// can only be waited for.
public enum Expected: Sendable, Hashable {
    case payment(Payment)
    case bill(Bill)

    /// A payment that somebody has seen: on a cashier's screen, in a statement, on a customer's telephone.
    public struct Payment: Sendable, Hashable {
        /// What the gateway can be asked about.
        public enum Subject: Sendable, Hashable {
            case tradeNo(String)
            case queryToken(String)
        }

        public let subject: Subject
        /// The app that asks.
        public let appID: String
        /// The company that was paid, if somebody named it; tells whose token asks.
        public let sellerID: String?
        /// How long from now its notification may take.
        public let wait: Duration

        public init(_ subject: Subject, appID: String, sellerID: String? = nil, wait: Duration) {
            self.subject = subject
            self.appID = appID
            self.sellerID = sellerID
            self.wait = wait
        }
    }

    /// A bill that is to be paid by a date. No API answers for a bill alone, so it is only compared with settlements.
    public struct Bill: Sendable, Hashable {
        public let entryID: String
        /// A bill's id is unique within its community only.
        public let communityID: String
        public let due: DueDate
        /// What the lines of settlements must come to; any amount is enough when nil.
        public let amount: Amount?

        public init(entryID: String, communityID: String, due: DueDate, amount: Amount? = nil) {
            self.entryID = entryID
            self.communityID = communityID
            self.due = due
            self.amount = amount
        }
    }
}

/// The last day on which a bill is paid in time, in China.
public struct DueDate: Sendable, Hashable {
    /// `yyyy-MM-dd`.
    public let text: String
    /// When the day ends, in seconds of Unix time.
    public let endsAt: Int64

    /// Nil for another form, and for a day that the calendar does not have.
    public init?(_ text: String) {
        guard text.utf8.count == 10, let begins = ShanghaiTime.parse(text + " 00:00:00") else { return nil }
        self.text = text
        endsAt = begins + 86_400
    }
}

extension Expected {
    /// What tells it from all others; the column `subject` of its table.
    var key: String {
        switch self {
        case .payment(let payment):
            switch payment.subject {
            case .tradeNo(let number): Self.key("trade", payment.appID, number)
            case .queryToken(let token): Self.key("token", payment.appID, token)
            }
        case .bill(let bill): Self.key("bill", bill.communityID, bill.entryID)
        }
    }

    /// The separator is a control character, which none of the parts may have.
    private static func key(_ parts: String...) -> String { parts.joined(separator: "\u{1F}") }
}
