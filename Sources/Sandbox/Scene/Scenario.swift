import Alipay

/// A play with a known ending: trades for the gateway, notifications for the receiver, and how each trade must end.
///
/// The seed decides everything but the time: the same seed, count, mix and start give the same plan.
public struct Scenario: Sendable {
    public struct Settings: Sendable {
        public var seed: UInt64
        /// How many notifications are posted, redeliveries not counted.
        public var notifications: Int
        public var mix: ScenarioMix
        public var appID: String
        /// Companies that authorised the app and are in the receiver's configuration.
        public var merchants: [Merchant]
        /// A company that is not.
        public var foreignMerchant: Merchant
        /// The source of property-fee notifications, and the address that they carry as `_request_path`.
        public var cplifeSource: String
        public var requestPath: String
        /// The source of notifications in the general trade format.
        public var tradeSource: String
        /// Unix seconds; trades are paid shortly before.
        public var startsAt: Int64

        public init(
            seed: UInt64 = 20_261_120, notifications: Int = 2_000, mix: ScenarioMix = ScenarioMix(),
            appID: String = "2021000000000001", merchants: [Merchant] = Merchant.invented,
            foreignMerchant: Merchant = .foreign, cplifeSource: String = "cplife",
            requestPath: String = "https://pay.example.com/notify/cplife", tradeSource: String = "trade",
            startsAt: Int64? = nil
        ) {
            self.seed = seed
            self.notifications = notifications
            self.mix = mix
            self.appID = appID
            self.merchants = merchants
            self.foreignMerchant = foreignMerchant
            self.cplifeSource = cplifeSource
            self.requestPath = requestPath
            self.tradeSource = tradeSource
            self.startsAt = startsAt ?? WallClock.seconds()
        }
    }

    public let settings: Settings
    /// For the gateway: `TradeBook(scenario.trades)`.
    public let trades: [StagedTrade]
    /// For the sender, in the order of sending.
    public let deliveries: [Delivery]
    /// By trade number, for the witness.
    public let expectations: [String: TradeExpectation]

    public init(_ settings: Settings = Settings()) {
        var playwright = Playwright(settings)
        playwright.write()
        self.settings = settings
        trades = playwright.trades
        deliveries = playwright.deliveries
        expectations = playwright.expectations
    }

    /// Every `app_auth_token` of the play: those of the merchants, and the foreign one, which exists all the same.
    public var tokens: Set<String> {
        Set((settings.merchants + [settings.foreignMerchant]).compactMap(\.appAuthToken))
    }

    /// Trades that must be settled exactly once.
    public var expectedSettlements: Int { expectations.values.count { $0.isSettled } }
}
