import Alipay

/// One notification endpoint: whose messages come in there, how they are verified and what answers them.
public final class Source: Sendable {
    /// What a bill list that does not add up to the total means for a payment of this source.
    public enum BillsMismatch: String, Sendable, CaseIterable {
        /// A person decides. The default: the wire form of the bill list is not certain, lines may be missing.
        case quarantine
        /// The total is settled, with the lines that came.
        case settleTotal = "settle_total"
    }

    /// The last part of the endpoint's path: `POST /notify/{name}`.
    public let name: String
    public let appID: String
    public let verifier: NotificationVerifier
    /// Signed once, sent byte for byte to every notification that is durable.
    public let acknowledgement: Acknowledgement
    /// The seller whose token asks when nothing in the notification tells (decisions on merchants).
    public let merchant: String?
    public let billsMismatch: BillsMismatch
    /// When a query of one of its payments is repeated.
    public let retry: RetryPolicies

    public init(
        name: String, appID: String, verifier: NotificationVerifier, acknowledgement: Acknowledgement,
        merchant: String? = nil, billsMismatch: BillsMismatch = .quarantine, retry: RetryPolicies = RetryPolicies()
    ) {
        self.name = name
        self.appID = appID
        self.verifier = verifier
        self.acknowledgement = acknowledgement
        self.merchant = merchant
        self.billsMismatch = billsMismatch
        self.retry = retry
    }
}
