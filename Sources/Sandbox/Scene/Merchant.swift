/// A property company that receives payments: who it is, which communities it runs, and the authorisation that it gave.
public struct Merchant: Sendable, Hashable, Codable {
    public var sellerID: String
    public var name: String
    public var communities: [String]
    /// `app_auth_token`; nil when the app asks in its own name.
    public var appAuthToken: String?

    public init(sellerID: String, name: String, communities: [String], appAuthToken: String?) {
        self.sellerID = sellerID
        self.name = name
        self.communities = communities
        self.appAuthToken = appAuthToken
    }

    /// Two invented companies, enough for the demo to have somebody to mix up.
    public static let invented: [Merchant] = [
        Merchant(
            sellerID: "2088000000000002", name: "锦绣物业", communities: ["C100000000001", "C100000000002"],
            appAuthToken: "202611BBsandbox0000000000000000000000X02"),
        Merchant(
            sellerID: "2088000000000003", name: "滨江物业", communities: ["C200000000001"],
            appAuthToken: "202611BBsandbox0000000000000000000000X03"),
    ]

    /// A company that never authorised the app: what is paid to it must not be settled.
    public static let foreign = Merchant(
        sellerID: "2088999999999999", name: "别家物业", communities: ["C900000000001"],
        appAuthToken: "202611BBsandbox0000000000000000000000X99")
}
