import Sandbox

/// Parts of a configuration that every play has.
enum SandboxConfiguration {
    /// The entries below `merchants:`.
    static func merchants(_ merchants: [Merchant], app: String) -> String {
        merchants.map { merchant in
            let communities = merchant.communities.map { "\"\($0)\"" }.joined(separator: ", ")
            let token = merchant.appAuthToken.map { ", app_auth_token: \"\($0)\"" } ?? ""
            return "  - { seller_id: \"\(merchant.sellerID)\", app: \"\(app)\", name: \"\(merchant.name)\", "
                + "communities: [\(communities)]\(token) }\n"
        }.joined()
    }
}
