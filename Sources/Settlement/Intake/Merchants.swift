/// A property company that lets an app ask on its behalf.
public struct Merchant: Sendable, Hashable {
    /// The company's Alipay account (2088…), which receives the money.
    public let sellerID: String
    public let appID: String
    public let communities: Set<String>
    /// Sent as `app_auth_token`; nil when the app asks for itself.
    public let token: String?

    public init(sellerID: String, appID: String, communities: Set<String> = [], token: String? = nil) {
        self.sellerID = sellerID
        self.appID = appID
        self.communities = communities
        self.token = token
    }
}

/// Tells whose token asks about a payment, from what the notification says. Tokens are never tried in turn.
///
/// The order is: the seller; else the community in `body`; else the source's merchant; else the app's only one. Without
/// any merchant for an app, the app asks for itself and no seller is checked.
public struct Merchants: Sendable {
    /// Whose payment it is.
    public enum Resolution: Sendable, Hashable {
        /// This merchant's token asks, and the answer must name it as the seller.
        case merchant(Merchant)
        /// No merchant is configured for the app: it asks for itself.
        case app
        /// The notification names a seller that is not ours.
        case foreign
        /// Several merchants are possible and nothing tells which.
        case unknown
    }

    private let bySeller: [Key: Merchant]
    private let byCommunity: [Key: Merchant]
    private let byApp: [String: [Merchant]]

    private struct Key: Hashable {
        let appID: String
        let id: String
    }

    public init(_ merchants: [Merchant]) {
        var bySeller: [Key: Merchant] = [:]
        var byCommunity: [Key: Merchant] = [:]
        for merchant in merchants {
            bySeller[Key(appID: merchant.appID, id: merchant.sellerID)] = merchant
            for community in merchant.communities {
                byCommunity[Key(appID: merchant.appID, id: community)] = merchant
            }
        }
        self.bySeller = bySeller
        self.byCommunity = byCommunity
        self.byApp = Dictionary(grouping: merchants, by: \.appID)
    }

    public func resolve(appID: String, sellerID: String?, communityID: String?, sourceMerchant: String?) -> Resolution {
        guard let ours = byApp[appID], !ours.isEmpty else { return .app }
        if let sellerID {
            guard let merchant = bySeller[Key(appID: appID, id: sellerID)] else { return .foreign }
            return .merchant(merchant)
        }
        if let communityID, let merchant = byCommunity[Key(appID: appID, id: communityID)] {
            return .merchant(merchant)
        }
        if let sourceMerchant, let merchant = bySeller[Key(appID: appID, id: sourceMerchant)] {
            return .merchant(merchant)
        }
        return ours.count == 1 ? .merchant(ours[0]) : .unknown
    }

    /// The merchant with this seller id, for a job that was resolved when its notification came in.
    public func merchant(appID: String, sellerID: String) -> Merchant? { bySeller[Key(appID: appID, id: sellerID)] }
}
