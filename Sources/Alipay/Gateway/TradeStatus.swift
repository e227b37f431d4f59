/// What the gateway says of a trade. An open set: a word that we do not know is kept and never means paid.
///
/// Source: Alipay's trade status enumeration; the page of alipay.eco.cplife.pay.result.query shows `TRADE_SUCCES`.
public enum TradeStatus: Sendable, Hashable, CustomStringConvertible {
    /// `WAIT_BUYER_PAY`: created, not paid.
    case waiting
    /// `TRADE_CLOSED`: never paid in time, or paid and fully refunded.
    case closed
    /// `TRADE_SUCCESS`: paid, can still be refunded.
    case success
    /// `TRADE_FINISHED`: paid, final.
    case finished
    case unknown(String)

    public init(_ text: String) {
        switch text {
        case "WAIT_BUYER_PAY": self = .waiting
        case "TRADE_CLOSED": self = .closed
        case "TRADE_SUCCESS", Self.misspeltSuccess: self = .success
        case "TRADE_FINISHED": self = .finished
        default: self = .unknown(text)
        }
    }

    /// The spelling of the API page's own example; accepted, and flagged by the decoder.
    static let misspeltSuccess = "TRADE_SUCCES"

    public var isPaid: Bool { self == .success || self == .finished }

    /// The word as Alipay spells it.
    public var description: String {
        switch self {
        case .waiting: "WAIT_BUYER_PAY"
        case .closed: "TRADE_CLOSED"
        case .success: "TRADE_SUCCESS"
        case .finished: "TRADE_FINISHED"
        case .unknown(let text): text
        }
    }
}
