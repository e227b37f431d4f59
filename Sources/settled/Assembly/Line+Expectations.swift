import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Settlement
import Telemetry
import Web

// Missed notifications: what is expected and does not come is asked about through the same queue as what was announced.
extension Line {
    /// The sweep over what is expected.
    static func expectations(
        _ settings: Settings, keyring: Keyring, pool: Pool, signal: JobSignal, logger: Logger
    ) -> any Service {
        ExpectationSweep(
            pool: pool, keyring: keyring, interval: settings.expectations.sweepInterval,
            retention: settings.retention.finishedJobs,
            queued: { signal.send(queue: PayResultJob.queue) }, logger: logger)
    }

    /// What the API needs of expectations. How many are open is measured by every program, whatever its part.
    static func expected(_ settings: Settings, keyring: Keyring, pool: Pool, metrics: Metrics) -> House.Expectations {
        let grace = settings.expectations.grace
        let expected = House.Expectations(pool: pool) { ExpectationTerms(keyring.current, grace: grace) }
        ExpectationMetrics(registry: metrics.registry).onScrape {
            let counts = try await expected.records.openExpectations()
            return Dictionary(counts.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first })
        }
        return expected
    }
}

extension ExpectationTerms {
    init(_ settings: Settings) {
        self.init(
            apps: Dictionary(
                settings.apps.map { app in
                    let sources = settings.sources.filter { $0.appID == app.id }
                    return (app.id, sources.min { $0.name < $1.name }?.merchant)
                }, uniquingKeysWith: { first, _ in first }),
            merchants: Merchants(settings.merchants.map(Merchant.init)), grace: settings.expectations.grace)
    }
}
