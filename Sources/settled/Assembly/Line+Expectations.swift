import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Settlement

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
