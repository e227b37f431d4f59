import Alipay
import FailPoints
import JobQueue
import Logging
import Postgres
import Schema
import ServiceLifecycle
import Settlement
import Telemetry
import Web
import Wire

/// The whole program, wired: the only place where the parts meet.
///
/// `serve` takes notifications in and serves the feed; `work` claims jobs, settles and numbers. One process may do both.
struct Line: Sendable {
    struct Roles: OptionSet, Sendable {
        let rawValue: Int
        static let serve = Roles(rawValue: 1)
        static let work = Roles(rawValue: 2)
    }

    /// The addresses that were bound, once each is listening.
    struct Addresses: Sendable, Hashable {
        var notify: String?
        var api: String?
        var admin: String
    }

    let services: [any Service]
    let metrics: Metrics

    /// - Parameters:
    ///   - listening: told once, when every listener is bound.
    ///   - stopping: raised as soon as shutdown begins.
    init(
        _ settings: Settings, apps: [String: GatewayApp], roles: Roles, logger: Logger,
        listening: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) throws {
        let pool = Pool(settings.database.pooled, lanes: Self.lanes(settings, roles), logger: logger)
        let metrics = Metrics()
        metrics.buildInfo(version: Version.current)
        let sources = try Self.sources(settings, apps)
        let merchants = Merchants(settings.merchants.map(Merchant.init))
        let signal = JobSignal(pool: pool, logger: logger)
        let reader = FeedReader(pool: pool)
        let watch = FeedWatch(reader: reader, logger: logger)
        let settled = Signal()
        let shutdown = ShutdownNotice { watch.close() }

        var services: [any Service] = [pool, watch, signal]
        // The metrics of the queue and the lanes are asked for when somebody scrapes.
        Self.observe(metrics, pool)
        if roles.contains(.work) {
            services.append(
                Sequencer(
                    pool: pool, signal: settled, metrics: metrics, logger: logger,
                    published: { watch.advanced(to: $0) }))
            services.append(
                Self.runner(
                    settings, apps: apps, sources: sources, merchants: merchants, pool: pool, signal: signal,
                    settled: settled, metrics: metrics, logger: logger))
            services += try Self.withholding(
                settings, pool: pool, signal: signal, settled: settled, metrics: metrics, logger: logger)
            services.append(
                JobPruner(
                    pool: pool,
                    retention: Retention(
                        done: settings.retention.finishedJobs, stopped: settings.retention.finishedJobs),
                    logger: logger))
        }
        var intake: Intake?
        if roles.contains(.serve) {
            var options = Intake.Options()
            options.lanes = settings.database.pools.intake
            options.commitDeadline = settings.limits.storeDeadline
            options.rejectedCapacity = Int64(settings.retention.unverifiedBytes)
            options.rejectedRate = Double(settings.limits.unverifiedPerSecond)
            let made = Intake(
                sources: sources, merchants: merchants, pool: pool, metrics: metrics, logger: logger, options: options,
                queued: { signal.send(queue: PayResultJob.queue) })
            intake = made
            services.append(made)
        }
        var retention = Housekeeping.Retention()
        retention.deliveries = settings.retention.deliveries.wholeDays
        retention.gatewayLog = settings.retention.gatewayLog.wholeDays
        retention.rejected = settings.retention.unverified.wholeDays
        services.append(Housekeeping(pool: pool, intake: intake, retention: retention, logger: logger))

        var house = House(
            intake: intake, reader: reader, watch: watch, settlements: SettlementRecords(pool: pool),
            jobs: JobRecords(pool: pool),
            gatekeeper: Gatekeeper(store: TokenStore(pool: pool)),
            readiness: Readiness(pool: pool, schemaVersion: Schema.version, isStopping: { shutdown.hasBegun }),
            metrics: metrics, limits: WebLimits(settings.limits),
            address: ClientAddress { peer in
                guard let address = IPAddress(peer) else { return false }
                return settings.http.trustedProxies.contains { $0.contains(address) }
            }, logger: logger)
        house.withholdings = Self.withholdings(settings, pool)
        services += try Listeners.services(house, settings.http, roles: roles, listening: listening)
        // Last, so that it is told first: readers are let go and the balancer is warned before a door is closed.
        services.append(shutdown)
        self.services = services
        self.metrics = metrics
    }

    private static func lanes(_ settings: Settings, _ roles: Roles) -> [Lane: Int] {
        let pools = settings.database.pools
        var lanes: [Lane: Int] = [FeedReader.lane: pools.read, Readiness.lane: 1, "upkeep": 1]
        if roles.contains(.serve) {
            lanes[Intake.lane] = pools.intake
            lanes[Intake.rejectedLane] = pools.unverified
        }
        if roles.contains(.work) {
            lanes["claim"] = 1
            lanes["complete"] = max(1, pools.work - 1)
            lanes[Sequencer.lane] = pools.feed
            if settings.withholding != nil { lanes[withholdingLane] = 2 }
        }
        return lanes
    }

    private static func sources(_ settings: Settings, _ apps: [String: GatewayApp]) throws -> [Source] {
        try settings.sources.map { source in
            guard let app = apps[source.appID] else {
                throw CommandFailure("source \(source.name): app \(source.appID) has no keys", .configuration)
            }
            return try Source(source, app: app, limits: settings.limits)
        }
    }

    private static func runner(
        _ settings: Settings, apps: [String: GatewayApp], sources: [Source], merchants: Merchants, pool: Pool,
        signal: JobSignal, settled: Signal, metrics: Metrics, logger: Logger
    ) -> JobRunner<PayResultHandler> {
        let transport = HTTPTransport(connections: settings.work.concurrency)
        let gateways = apps.mapValues {
            GatewayClient(app: $0, transport: transport, deadline: settings.gateway.deadline)
        }
        let doors = Self.doors(settings, metrics)
        let holds = HoldBoard()
        let handler = PayResultHandler(
            gateways: gateways, doors: doors, holds: holds, merchants: merchants, sources: sources,
            retry: RetryPolicies(usual: settings.work.retry.usual, notExisting: settings.work.retry.notExisting),
            metrics: metrics)
        let hooks = JobHooks(
            finished: { kind, outcome, duration in
                metrics.jobOutcome(kind: kind, outcome: outcome, duration: duration)
                if outcome == Outcome.settled.rawValue {
                    metrics.settlements()
                    settled.raise()
                }
            },
            staleCompletion: { _ in metrics.staleCompletions() },
            leaseExpired: { _, _ in metrics.leasesExpired() },
            peers: { _, workers in for door in doors.values { door.share(among: workers) } })
        let work = settings.work
        let runner = RunnerSettings(
            concurrency: work.concurrency, claimBatch: work.claimBatch, completionBatch: work.settleBatch,
            completers: max(1, settings.database.pools.work - 1), lease: work.lease, heartbeatInterval: work.heartbeat,
            pollInterval: work.pollInterval, probeInterval: settings.gateway.probeInterval, drainLimit: work.drain)
        return JobRunner(
            queue: PayResultJob.queue, handler: handler, pool: pool, settings: runner, retry: work.retry.usual,
            holds: holds, signal: signal, hooks: hooks, logger: logger)
    }

    private static func observe(_ metrics: Metrics, _ pool: Pool) {
        metrics.onScrape("jobs") {
            let (counts, holds) = try await pool.withConnection(FeedReader.lane) { connection in
                (try await JobStore.counts(on: connection), try await JobStore.holdCounts(on: connection))
            }
            let age = counts.compactMap(\.oldestReadyAge).max() ?? .zero
            return counts.map { .jobs(queue: $0.queue, state: $0.state.rawValue, count: $0.count) }
                + holds.map { .holds(queue: $0.key, count: $0.value) }
                + [.oldestReadyJobAge(seconds: age / .seconds(1))]
        }
        metrics.onScrape("log") { [.logLinesDropped(ProgramLog.dropped)] }
        metrics.onScrape("lanes") {
            pool.gauge().flatMap { lane in
                [
                    .dbPoolInUse(lane: lane.lane, connections: lane.inUse),
                    .dbPoolSize(lane: lane.lane, connections: lane.size),
                ]
            }
        }
    }
}

extension Duration {
    var wholeDays: Int { Int(components.seconds / 86_400) }
}
