/// The family of notifications that a source receives, which pins the form that is signed.
public enum NotificationProfile: String, Sendable, Hashable, CaseIterable {
    /// Pay results of property fees (`alipay.eco.cplife`), sent through the application gateway: V2.
    case cplife
    /// Property-fee payments announced as `trade_status_sync`: V1.
    case trade
    /// For a source whose family is not known yet: V2, then V1. The notification says which one held.
    case auto

    /// The forms that are tried, in this order.
    public var forms: [CanonicalForm] {
        switch self {
        case .cplife: [.v2]
        case .trade: [.v1]
        case .auto: [.v2, .v1]
        }
    }
}
