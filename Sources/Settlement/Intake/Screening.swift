import Alipay
import Wire

/// What is to become of a verified notification: it is always acknowledged, and it is asked about unless it is odd enough
/// for a person to look first.
public enum Screening: Sendable, Hashable {
    case query(PayResultJob)
    case quarantine(PayResultJob, cause: Cause, message: String)

    /// Why a person should look first. Stable words: they are shown, counted and searched for.
    public enum Cause: String, Sendable, CaseIterable {
        case foreignReceiver = "foreign_receiver"
        case merchantUnknown = "merchant_unknown"
        case noSubject = "no_subject"
        case subjectTooLong = "subject_too_long"
        case unknownTradeStatus = "unknown_trade_status"
        case invalidAmount = "invalid_amount"
        case badBody = "bad_body"
        case badBillList = "bad_det_list"
        case badFundList = "bad_fund_bill_list"
        case unknownCharset = "unknown_charset"
        case nulInValue = "nul_in_value"
    }

    /// Looks at the claims of a verified notification. Pure: the same notification always gets the same answer.
    ///
    /// The first oddity found decides; what could be read is kept in the job all the same, so that a replay can ask.
    public init(_ notification: Notification, from source: Source, merchants: Merchants) {
        var screen = Screen(source: source)
        screen.look(at: notification, merchants: merchants)
        if let (cause, message) = screen.oddity {
            self = .quarantine(screen.job, cause: cause, message: message)
        } else {
            self = .query(screen.job)
        }
    }
}

/// The longest trade number and query token that the gateway's page allows.
let longestSubject = 64

private struct Screen {
    var job: PayResultJob
    var oddity: (Screening.Cause, String)?

    init(source: Source) {
        job = PayResultJob(source: source.name, appID: source.appID)
        self.source = source
    }

    private let source: Source

    mutating func look(at notification: Notification, merchants: Merchants) {
        charset(notification)
        subject(notification)
        let community = entity(notification)
        receiver(notification, community: community, merchants: merchants)
        status(notification)
        amounts(notification)
        lists(notification)
    }

    private mutating func found(_ cause: Screening.Cause, _ message: String) {
        oddity = oddity ?? (cause, message)
    }

    private mutating func charset(_ notification: Notification) {
        if notification.flags.contains(.unknownCharset) {
            found(.unknownCharset, "the notification names a charset that is not supported; its text was not decoded")
        }
        if notification.flags.contains(.nulInValue) {
            found(.nulInValue, "a value contains a NUL byte, which no text column can hold; the raw body is kept")
        }
    }

    private mutating func subject(_ notification: Notification) {
        for (name, value) in [("trade_no", notification.tradeNo), ("query_token", notification.queryToken)] {
            guard let value, !value.isEmpty else { continue }
            guard value.utf8.count <= longestSubject, !value.utf8.contains(0) else {
                found(.subjectTooLong, "\(name) is longer than \(longestSubject) bytes")
                continue
            }
            if name == "trade_no" { job.tradeNo = value } else { job.queryToken = value }
        }
        if job.subject == nil { found(.noSubject, "the notification has neither trade_no nor query_token") }
    }

    /// `body` is room|community|household in a property-fee notification; in a trade notification it is anything.
    private mutating func entity(_ notification: Notification) -> String? {
        guard let body = notification.bodyText, !body.isEmpty else { return nil }
        // By bytes: a bar is one byte in UTF-8, and letters that people see as one take long to tell apart.
        let parts = body.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        if parts.count == 3 {
            let community = String(Substring(parts[1]))
            job.communityID = community.isEmpty || community.utf8.contains(0) ? nil : community
            return job.communityID
        }
        if speaksPropertyFees(notification) {
            found(.badBody, "body has \(parts.count) parts where room|community|household was expected")
        }
        return nil
    }

    private mutating func receiver(_ notification: Notification, community: String?, merchants: Merchants) {
        if let appID = notification.appID, !appID.isEmpty, appID != source.appID {
            found(.foreignReceiver, "app_id is not the app of source \(source.name)")
        }
        let seller = notification.sellerID.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }
        job.sellerID = seller
        switch merchants.resolve(
            appID: source.appID, sellerID: seller, communityID: community, sourceMerchant: source.merchant)
        {
        case .merchant, .app: break
        case .foreign: found(.foreignReceiver, "seller_id is no configured merchant of app \(source.appID)")
        case .unknown:
            found(
                .merchantUnknown,
                "nothing in the notification tells which merchant of app \(source.appID) it concerns; "
                    + "list the community under merchants[].communities")
        }
    }

    private mutating func status(_ notification: Notification) {
        guard let status = notification.tradeStatus, !status.isEmpty else { return }
        if case .unknown = TradeStatus(status) {
            found(.unknownTradeStatus, "trade_status is none of the known ones")
        }
    }

    private mutating func amounts(_ notification: Notification) {
        if let total = notification.totalAmount, !total.isEmpty {
            if let amount = Amount(yuan: total), amount.fen > 0 {
                job.totalFen = amount.fen
            } else {
                found(.invalidAmount, "total_amount is no positive amount in yuan with at most two decimals")
            }
        }
        if let refund = notification.refundFee, !refund.isEmpty {
            if let amount = Amount(yuan: refund) {
                job.refundFen = amount.fen > 0 ? amount.fen : nil
            } else {
                found(.invalidAmount, "refund_fee is no amount in yuan with at most two decimals")
            }
        }
    }

    private mutating func lists(_ notification: Notification) {
        if let list = notification.detList, !list.isEmpty,
            list.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false).contains(where: \.isEmpty)
        {
            found(.badBillList, "det_list has an empty part between its bars")
        }
        guard let text = notification["fund_bill_list"], !text.isEmpty else { return }
        do throws(JSONError) {
            let funds = try JSONValue(parsing: Array(text.utf8))
            if !funds.hasOnlyAmounts {
                found(.badFundList, "fund_bill_list has an amount that is none in yuan with at most two decimals")
            }
        } catch {
            found(.badFundList, "fund_bill_list is no JSON that can be read")
        }
    }

    private func speaksPropertyFees(_ notification: Notification) -> Bool {
        source.verifier.profile == .cplife || notification.detList != nil
    }
}

extension JSONValue {
    /// Whether every member named `amount`, at any depth, is an amount. The scanner bounds the depth.
    fileprivate var hasOnlyAmounts: Bool {
        switch self {
        case .null, .bool, .number, .string: true
        case .array(let elements): elements.allSatisfy(\.hasOnlyAmounts)
        case .object(let object):
            object.members.allSatisfy { member in
                member.key == "amount"
                    ? member.value.text.flatMap { Amount(yuan: $0) } != nil : member.value.hasOnlyAmounts
            }
        }
    }
}
