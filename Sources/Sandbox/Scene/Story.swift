/// What happens to one trade in a scenario: the kinds of traffic that are mixed.
public enum Story: String, Sendable, Hashable, CaseIterable, Codable {
    /// A property-fee notification (V2) and a paid trade.
    case plain
    /// The same in the general trade format (V1).
    case tradeFormat = "trade_format"
    /// The notification has only a query_token.
    case tokenOnly = "token_only"
    /// Two notifications of one payment: one by token, one by trade number.
    case tokenAndTradeNo = "token_and_trade_no"
    /// Chinese text in GBK.
    case gbk
    /// Parameters that nobody documented, signed.
    case unknownParameters = "unknown_parameters"
    /// The same bytes twice.
    case exactDuplicate = "exact_duplicate"
    /// The same notification again with a later notify_time, signed anew.
    case laterDuplicate = "later_duplicate"
    /// A lie; which one is in the delivery.
    case forged
    /// The gateway answers rightly, but late.
    case lateAnswer = "late_answer"
    /// The gateway fails at first in one of the ways of `GatewayFault.passing`.
    case failingFirst = "failing_first"
    /// The trade was closed and nothing is due.
    case closed
    /// Notified with a valid signature, but the money went to a company that is not ours.
    case foreignReceiver = "foreign_receiver"
    /// Our company is named, but the platform says that the trade belongs to another.
    case belongsToOthers = "belongs_to_others"
    /// Two notifications of one trade whose amounts differ; the platform knows which is right.
    case amountConflict = "amount_conflict"
    /// The bills of the answer do not add up to its total.
    case billsMismatch = "bills_mismatch"
}
