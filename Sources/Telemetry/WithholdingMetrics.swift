/// What is measured of withholding, beside what every queue and every gateway has.
public struct WithholdingMetrics: Sendable {
    private let polls: Family<Counter>
    private let orders: Family<Gauge>
    private let ban: Family<Gauge>
    private let quota: Family<Gauge>
    private let registry: MetricRegistry

    public init(registry: MetricRegistry) {
        self.registry = registry
        polls = registry.counter(
            "settled_withholding_polls_total",
            "Questions about withholding orders, by the order's status or the failure.",
            labels: ["verdict"])
        orders = registry.gauge(
            "settled_withholding_orders",
            "Withholding orders that have not ended, by their status; unknown before the first answer.",
            labels: ["pay_status"])
        ban = registry.gauge("settled_top_ban_seconds", "How long TOP will not be asked yet; zero when it may be.")
        quota = registry.gauge(
            "settled_top_daily_quota_exhausted", "Whether the ban is that of the app's quota for the day.")
    }

    /// TOP was asked about an order.
    public func polled(verdict: String) { polls[verdict].increment() }

    /// What is asked for at each scrape.
    public struct State: Sendable, Hashable {
        public var orders: [String: Int64]
        public var banSeconds: Double
        public var isDailyQuota: Bool

        public init(orders: [String: Int64], banSeconds: Double, isDailyQuota: Bool) {
            self.orders = orders
            self.banSeconds = banSeconds
            self.isDailyQuota = isDailyQuota
        }
    }

    public func onScrape(_ read: @escaping @Sendable () async throws -> State) {
        let (orders, ban, quota) = (orders.name, ban.name, quota.name)
        registry.collect("withholding") {
            let state = try await read()
            return state.orders.map { .init(orders, labels: [$0.key], Double($0.value)) } + [
                .init(ban, state.banSeconds), .init(quota, state.isDailyQuota ? 1 : 0),
            ]
        }
    }
}
