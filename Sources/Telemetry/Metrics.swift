/// Everything that `settled` measures, declared in one place: base units, no ids as labels.
///
/// One value is made at the start and handed to whoever counts. Each method is one event in the words of the line
/// (received, acknowledged, settled); numbers that must be asked for come from ``onScrape(_:_:)``.
public final class Metrics: Sendable {
    public let registry: MetricRegistry

    private let received: Family<Counter>
    private let acknowledged: Family<Counter>
    private let refused: Family<Counter>
    private let flags: Family<Counter>
    private let ackSeconds: Family<Histogram>
    private let jobs: Family<Gauge>
    private let heldBy: Family<Gauge>
    private let oldestReady: Family<Gauge>
    private let jobSeconds: Family<Histogram>
    private let jobAttempts: Family<Counter>
    private let gatewayRequests: Family<Counter>
    private let gatewaySeconds: Family<Histogram>
    private let settled: Family<Counter>
    private let settlementLagSeconds: Family<Histogram>
    private let feedHeadGauge: Family<Gauge>
    private let consumerLag: Family<Gauge>
    private let expired: Family<Counter>
    private let stale: Family<Counter>
    private let poolInUse: Family<Gauge>
    private let poolSize: Family<Gauge>
    private let breaker: Family<Gauge>
    private let build: Family<Gauge>
    private let logLinesDropped: Family<Gauge>

    public init(registry: MetricRegistry = MetricRegistry()) {
        self.registry = registry
        received = registry.counter(
            "settled_notifications_received_total", "Notification requests that reached a source.", labels: ["source"])
        acknowledged = registry.counter(
            "settled_notifications_acked_total",
            "Notifications acknowledged after their commit, by what they were: new, duplicate or quarantined.",
            labels: ["result"])
        for result in ["new", "duplicate", "quarantined"] { _ = acknowledged[result] }
        refused = registry.counter(
            "settled_notifications_rejected_total", "Notification requests not acknowledged, by cause.",
            labels: ["cause"])
        flags = registry.counter(
            "settled_notification_flags_total", "Oddities of notifications that were verified all the same.",
            labels: ["flag"])
        ackSeconds = registry.histogram(
            "settled_ack_duration_seconds", "From the last byte of a notification to its acknowledgement.",
            buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        jobs = registry.gauge("settled_jobs", "Jobs now, by queue and state.", labels: ["queue", "state"])
        heldBy = registry.gauge(
            "settled_holds", "Causes that keep jobs of a queue held: a gateway down, a key or a token refused.",
            labels: ["queue"])
        oldestReady = registry.gauge(
            "settled_oldest_ready_job_age_seconds", "Age of the ready job that has waited longest.")
        jobSeconds = registry.histogram(
            "settled_job_duration_seconds", "From the claim of a job to its recorded outcome.",
            labels: ["kind", "outcome"], buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        jobAttempts = registry.counter(
            "settled_job_attempts_total", "Attempts at jobs, by kind and outcome.", labels: ["kind", "outcome"])
        gatewayRequests = registry.counter(
            "settled_gateway_requests_total", "Calls of a gateway, by method and the answer's code.",
            labels: ["method", "code"])
        gatewaySeconds = registry.histogram(
            "settled_gateway_duration_seconds", "From sending a gateway call to its verified answer or failure.",
            buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
        settled = registry.counter("settled_settlements_total", "Settlements written, reversals among them.")
        settlementLagSeconds = registry.histogram(
            "settled_settlement_lag_seconds", "From receiving a notification to its committed settlement.",
            buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400, 259_200])
        feedHeadGauge = registry.gauge("settled_feed_head", "Number of the last settlement published in the feed.")
        consumerLag = registry.gauge(
            "settled_feed_consumer_lag", "Settlements published that a named consumer has not yet reported as read.",
            labels: ["consumer"])
        expired = registry.counter(
            "settled_leases_expired_total", "Leases taken back from workers that were no longer heard of.")
        stale = registry.counter(
            "settled_stale_completions_total", "Results refused because their lease was no longer the job's.")
        poolInUse = registry.gauge("settled_db_pool_in_use", "Database connections in use.", labels: ["lane"])
        poolSize = registry.gauge("settled_db_pool_size", "Database connections allowed.", labels: ["lane"])
        breaker = registry.gauge(
            "settled_breaker_state", "Whether calls of a gateway pass: 0 closed, 1 half open, 2 open.",
            labels: ["gateway"])
        build = registry.gauge("settled_build_info", "Always 1; what runs here is in the labels.", labels: ["version"])
        logLinesDropped = registry.gauge(
            "settled_log_lines_dropped", "Log lines dropped since the start because their reader was too slow.")
    }
}

// What happens on the line, in its order.
extension Metrics {
    /// A request reached the path of a configured source.
    public func notificationReceived(source: String) { received[source].increment() }

    /// A notification was acknowledged; `result` is `new`, `duplicate` or `quarantined`.
    public func acked(result: String) { acknowledged[result].increment() }

    /// A request was answered without an acknowledgement; `cause` is the stable word of the rejection.
    public func rejected(cause: String) { refused[cause].increment() }

    /// A verified notification had an oddity, such as a repaired signature.
    public func notificationFlagged(flag: String) { flags[flag].increment() }

    /// From the last byte of the request to the answer.
    public func ackDuration(_ duration: Duration) { ackSeconds[].observe(duration) }

    /// An attempt at a job ended with `outcome`, a word of the table of dispositions.
    public func jobOutcome(kind: String, outcome: String, duration: Duration) {
        jobAttempts[kind, outcome].increment()
        jobSeconds[kind, outcome].observe(duration)
    }

    /// A call of a gateway ended; `code` is the gateway's own, or a word such as `transport` or `untrusted`.
    public func gatewayRequest(method: String, code: String, duration: Duration) {
        gatewayRequests[method, code].increment()
        gatewaySeconds[].observe(duration)
    }

    /// Settlements were committed.
    public func settlements(_ count: Int = 1) { settled[].increment(by: count) }

    /// From the receipt of a notification to the commit of its settlement.
    public func settlementLag(_ lag: Duration) { settlementLagSeconds[].observe(lag) }

    /// The feed `main` was published up to `sequence`.
    public func feedHead(_ sequence: Int64) { feedHeadGauge[].set(Double(sequence)) }

    /// Leases of workers that were no longer heard of were taken back.
    public func leasesExpired(_ count: Int = 1) { expired[].increment(by: count) }

    /// Results were refused by the fence of their lease.
    public func staleCompletions(_ count: Int = 1) { stale[].increment(by: count) }

    /// Whether calls of `gateway` pass.
    public func breakerState(gateway: String, _ state: BreakerState) { breaker[gateway].set(Double(state.rawValue)) }

    /// What runs here.
    public func buildInfo(version: String) { build[version].set(1) }

    public enum BreakerState: Int, Sendable, CaseIterable {
        case closed = 0
        case halfOpen = 1
        case open = 2
    }
}

// What is asked for at each scrape.
extension Metrics {
    /// One value that a collector read just now.
    public enum Reading: Sendable, Hashable {
        case jobs(queue: String, state: String, count: Int)
        case holds(queue: String, count: Int)
        /// Over all queues; zero when nothing is ready.
        case oldestReadyJobAge(seconds: Double)
        case feedHead(Int64)
        case feedConsumerLag(consumer: String, behind: Int64)
        case dbPoolInUse(lane: String, connections: Int)
        case dbPoolSize(lane: String, connections: Int)
        case breakerState(gateway: String, BreakerState)
        case logLinesDropped(Int)
    }

    /// Runs `read` at each scrape, beside the other collectors and under their common deadline of some seconds.
    ///
    /// - Parameter name: named by `settled_scrape_failures_total` when it throws or is late.
    public func onScrape(_ name: String, _ read: @escaping @Sendable () async throws -> [Reading]) {
        let metrics = self
        registry.collect(name) { try await read().map(metrics.gauge) }
    }

    private func gauge(_ reading: Reading) -> MetricRegistry.Reading {
        switch reading {
        case .jobs(let queue, let state, let count): .init(jobs.name, labels: [queue, state], Double(count))
        case .holds(let queue, let count): .init(heldBy.name, labels: [queue], Double(count))
        case .oldestReadyJobAge(let seconds): .init(oldestReady.name, seconds)
        case .feedHead(let sequence): .init(feedHeadGauge.name, Double(sequence))
        case .feedConsumerLag(let consumer, let behind): .init(consumerLag.name, labels: [consumer], Double(behind))
        case .dbPoolInUse(let lane, let count): .init(poolInUse.name, labels: [lane], Double(count))
        case .dbPoolSize(let lane, let count): .init(poolSize.name, labels: [lane], Double(count))
        case .breakerState(let gateway, let state): .init(breaker.name, labels: [gateway], Double(state.rawValue))
        case .logLinesDropped(let count): .init(logLinesDropped.name, Double(count))
        }
    }
}
