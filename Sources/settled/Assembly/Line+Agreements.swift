import Alipay
import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Settlement
import Telemetry

// The reconciliation of agreements, beside the line and never in its way: a queue of its own with a few places and a rate of
// its own, and connections of its own.
extension Line {
    /// Claims and completes checks, and begins the daily run.
    static let agreementsLane: Lane = "agreements"

    /// The runner of the checks and the clock of the daily run; none when agreements are not configured.
    static func agreements(
        _ settings: Settings, keyring: Keyring, pool: Pool, signal: JobSignal, metrics: Metrics, logger: Logger
    ) -> [any Service] {
        guard let agreements = settings.agreements else { return [] }
        let holds = HoldBoard()
        let handler = AgreementHandler(appID: agreements.appID, keyring: keyring, holds: holds, metrics: metrics)
        let places = agreements.concurrency
        let hooks = JobHooks(
            finished: { kind, outcome, duration in
                metrics.jobOutcome(kind: kind, outcome: outcome, duration: duration)
            },
            staleCompletion: { _ in metrics.staleCompletions() },
            leaseExpired: { _, _ in metrics.leasesExpired() })
        let work = settings.work
        let runner = RunnerSettings(
            concurrency: places, claimBatch: places, completionBatch: 100, completers: 1, lease: work.lease,
            heartbeatInterval: work.heartbeat, pollInterval: work.pollInterval,
            probeInterval: settings.gateway.probeInterval, drainLimit: work.drain,
            claimLane: agreementsLane, completionLane: agreementsLane)
        return [
            JobRunner(
                queue: AgreementCheckJob.queue, handler: handler, pool: pool, settings: runner,
                retry: work.retry.usual, holds: holds, signal: signal, hooks: hooks, logger: logger),
            AgreementSchedule(
                runs: AgreementRuns(appID: agreements.appID, pool: pool, lane: agreementsLane),
                hour: agreements.dailyAt.hour, minute: agreements.dailyAt.minute, logger: logger),
        ]
    }
}

extension Settings {
    /// What the door of an app keeps to, the rate of its agreements' checks included.
    func limits(of app: String) -> GatewayLimits {
        var limits = gateway.limits(of: app)
        if let agreements, agreements.appID == app {
            limits.methodRates[AgreementQuery.method] = Double(agreements.ratePerSecond)
        }
        return limits
    }
}

extension AgreementSettings {
    /// Gateway calls at a time: enough to keep to the rate although each answer takes its while.
    var concurrency: Int { max(4, min(256, ratePerSecond * 2)) }
}
