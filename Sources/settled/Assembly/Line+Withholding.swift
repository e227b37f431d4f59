import JobQueue
import Logging
import Postgres
import ServiceLifecycle
import Settlement
import Taobao
import Telemetry
import Web
import Wire

// Withholding, beside the line and never in its way: a queue of its own with a few places, connections of its own to TOP and
// to the database.
extension Line {
    /// Claims and completes withholding's jobs, and asks who is banned.
    static let withholdingLane: Lane = "withholding"

    /// The runner that asks about orders; none when withholding is not configured.
    static func withholding(
        _ settings: Settings, pool: Pool, signal: JobSignal, settled: Signal, metrics: Metrics, logger: Logger,
        changes: inout [@Sendable (Settings) -> Void]
    ) throws -> [any Service] {
        guard let withholding = settings.withholding, let taobao = settings.taobao else { return [] }
        let app = try TaobaoApp(taobao)
        let polls = WithholdingMetrics(registry: metrics.registry)
        let records = WithholdingRecords(pool: pool)
        polls.onScrape {
            let ban = try await records.ban(appKey: app.appKey)
            return .init(
                orders: try await records.openOrders(), banSeconds: ban?.seconds ?? 0,
                isDailyQuota: ban?.isDailyQuota ?? false)
        }
        let name = "top:\(app.appKey)"
        var limits = settings.gateway.limits(of: name)
        limits.rate = Double(withholding.ratePerSecond)
        let door = door(name, limits, metrics)
        changes.append { settings in
            if let session = settings.taobao?.session?.reveal() { app.session.replace(with: session) }
            var limits = settings.gateway.limits(of: name)
            limits.rate = Double(settings.withholding?.ratePerSecond ?? withholding.ratePerSecond)
            door.change(limits)
        }
        let holds = HoldBoard()
        let handler = WithholdingHandler(
            client: TaobaoClient(
                app: app, transport: HTTPTransport(connections: withholding.concurrency),
                deadline: settings.gateway.deadline),
            door: door, holds: holds, policy: WithholdingPolicy(withholding),
            bans: BanBook(
                appKey: app.appKey, pool: pool, lane: withholdingLane,
                told: { ban, cause in
                    logger.warning(
                        "TOP bans our calls",
                        metadata: [
                            "app_key": "\(app.appKey)", "cause": "\(cause)",
                            "seconds": "\(ban.duration.components.seconds)", "daily_quota": "\(ban.isDailyQuota)",
                        ])
                }), metrics: metrics, polls: polls)
        let hooks = JobHooks(
            finished: { kind, outcome, duration in
                metrics.jobOutcome(kind: kind, outcome: outcome, duration: duration)
                // An order that goes on may have settled an instalment too.
                settled.raise()
            },
            staleCompletion: { _ in metrics.staleCompletions() },
            leaseExpired: { _, _ in metrics.leasesExpired() },
            peers: { _, workers in door.share(among: workers) })
        let work = settings.work
        let runner = RunnerSettings(
            concurrency: withholding.concurrency, claimBatch: withholding.concurrency * 4, completionBatch: 50,
            completers: 1, lease: work.lease, heartbeatInterval: work.heartbeat, pollInterval: work.pollInterval,
            probeInterval: settings.gateway.probeInterval, drainLimit: work.drain, claimLane: withholdingLane,
            completionLane: withholdingLane)
        // An order may be asked about for a month, so failures that pass must not use up a budget of days; the handler says
        // itself when it is time to give up.
        let retry = RetryPolicy(
            first: work.retry.usual.first, cap: work.retry.usual.cap,
            budget: withholding.giveUpAfter + .seconds(86_400))
        return [
            JobRunner(
                queue: WithholdingJob.queue, handler: handler, pool: pool, settings: runner, retry: retry,
                holds: holds, signal: signal, hooks: hooks, logger: logger)
        ]
    }

    /// What the API needs of withholding; nil when it is not configured.
    static func withholdings(_ settings: Settings, _ pool: Pool) -> House.Withholdings? {
        guard settings.withholding != nil else { return nil }
        return House.Withholdings(records: WithholdingRecords(pool: pool), register: WithholdingRegister(pool: pool))
    }
}

extension TaobaoApp {
    init(_ settings: TaobaoSettings) throws {
        let gateway: GatewayAddress
        do throws(GatewayAddressError) {
            gateway = try GatewayAddress(settings.gateway)
        } catch {
            throw CommandFailure("taobao.gateway \(error.reason)", .configuration)
        }
        let format: Format =
            switch settings.format {
            case .json: .json(isSimplified: settings.isSimplified)
            case .xml: .xml
            }
        self.init(
            gateway: gateway, appKey: settings.appKey, secret: settings.appSecret?.reveal() ?? "",
            session: SessionKey(settings.session?.reveal()), signMethod: SignMethod(settings.signMethod), format: format
        )
    }
}

extension SignMethod {
    init(_ method: TaobaoSettings.SignMethod) {
        switch method {
        case .md5: self = .md5
        case .hmac: self = .hmac
        case .hmacSHA256: self = .hmacSHA256
        }
    }
}

extension WithholdingPolicy {
    init(_ settings: WithholdingSettings) {
        self.init(
            unit: settings.amountUnit == .fen ? .fen : .yuan, schedule: PollSchedule(settings.pollSchedule),
            giveUpAfter: settings.giveUpAfter)
    }
}
