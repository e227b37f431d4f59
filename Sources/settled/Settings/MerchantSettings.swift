/// One property company that payments are for, and the token with which an app may ask in its name.
struct MerchantSettings: Sendable {
    var sellerID: String
    var appID: String
    var name: String
    /// Community ids that belong to this merchant, for notifications that name no seller.
    var communities: [String]
    var appAuthToken: Secret?

    init(_ section: SettingsSection, apps: [AppSettings]) {
        sellerID = section.required("seller_id", .digits, placeholder: "", "The merchant's id at Alipay (2088…).")
        appID = section.app(among: apps, "The app that asks for this merchant.")
        name =
            section.optional("name", .text, "What pages call the merchant; its seller_id when it is not set.")
            ?? sellerID
        communities = section.values(
            "communities", .text, default: [],
            "Community ids that are this merchant's, for notifications without a seller.")
        appAuthToken = section.secret(
            "app_auth_token",
            "The token with which the app asks in the merchant's name; none when the app is the merchant's own.")
    }

    /// A community belongs to one merchant of an app, or a notification could be asked for with the wrong token.
    static func checkCommunities(of merchants: [MerchantSettings], _ root: SettingsSection) {
        var owners: [[String]: String] = [:]
        for merchant in merchants {
            for community in Set(merchant.communities).sorted() {
                if let owner = owners.updateValue(merchant.sellerID, forKey: [merchant.appID, community]) {
                    root.complain(
                        about: "merchants", "community `\(community)` belongs to both \(owner) and \(merchant.sellerID)"
                    )
                }
            }
        }
    }
}
