/// What is measured of expected payments and bills.
public struct ExpectationMetrics: Sendable {
    private let expectations: Family<Gauge>
    private let registry: MetricRegistry

    public init(registry: MetricRegistry) {
        self.registry = registry
        expectations = registry.gauge(
            "settled_expectations",
            "Expected payments and bills that are open: waiting for their time, or missing when the sweep looked last.",
            labels: ["state"])
    }

    /// - Parameter read: how many there are in each state, asked at each scrape.
    public func onScrape(_ read: @escaping @Sendable () async throws -> [String: Int64]) {
        let name = expectations.name
        registry.collect("expectations") {
            try await read().map { .init(name, labels: [$0.key], Double($0.value)) }
        }
    }
}
