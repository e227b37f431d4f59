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
    /// What is swapped when the configuration is read anew.
    let keyring: Keyring
    /// Told the settings of each reload, for what is neither key nor source: rates, the session at TOP.
    let changes: [@Sendable (Settings) -> Void]
    /// The credentials that these settings amount to, with the doors and connections that are there.
    private let credentialsOf: @Sendable (Settings, [String: GatewayApp]) throws -> Credentials

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
        let transport = HTTPTransport(connections: settings.work.concurrency)
        let doors = roles.contains(.work) ? Self.doors(settings, metrics) : [:]
        let works = roles.contains(.work)
        let keyring = Keyring(try Credentials(settings, apps: apps, transport: transport, doors: doors))
        credentialsOf = { settings, apps in
            var doors = keyring.current.doors.filter { apps[$0.key] != nil }
            if works {
                for id in apps.keys where doors[id] == nil {
                    doors[id] = Self.door(id, settings.limits(of: id), metrics)
                }
            }
            return try Credentials(settings, apps: apps, transport: transport, doors: doors)
        }
        var changes: [@Sendable (Settings) -> Void] = []
        // A program that takes notifications in wakes its own workers. One that only works hears of the others' jobs.
        let listensOn = roles.contains(.work) && !roles.contains(.serve) ? settings.database.direct : nil
        let signal = JobSignal(pool: pool, listensOn: listensOn, logger: logger)
        let reader = FeedReader(pool: pool)
        let watch = FeedWatch(
            reader: reader, listensOn: roles.contains(.serve) ? settings.database.direct : nil, logger: logger)
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
                    settings, keyring: keyring, pool: pool, signal: signal, settled: settled, metrics: metrics,
                    logger: logger))
            services += try Self.withholding(
                settings, pool: pool, signal: signal, settled: settled, metrics: metrics, logger: logger,
                changes: &changes)
            services += Self.agreements(
                settings, keyring: keyring, pool: pool, signal: signal, metrics: metrics, logger: logger)
            services.append(
                Self.expectations(settings, keyring: keyring, pool: pool, signal: signal, logger: logger))
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
                keyring: keyring, pool: pool, metrics: metrics, logger: logger, options: options,
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
            metrics: metrics, limits: Self.limits(settings, roles, logger: logger),
            address: ClientAddress { peer in
                guard let address = IPAddress(peer) else { return false }
                return settings.http.trustedProxies.contains { $0.contains(address) }
            }, logger: logger)
        house.withholdings = Self.withholdings(settings, pool)
        house.expectations = Self.expected(settings, keyring: keyring, pool: pool, metrics: metrics)
        house.agreements = settings.agreements.map { AgreementReport(appID: $0.appID, pool: pool) }
        services += try Listeners.services(house, settings.http, roles: roles, listening: listening)
        // Last, so that it is told first: readers are let go and the balancer is warned before a door is closed.
        services.append(shutdown)
        self.services = services
        self.metrics = metrics
        self.keyring = keyring
        self.changes = changes
    }

    func credentials(_ settings: Settings, apps: [String: GatewayApp]) throws -> Credentials {
        try credentialsOf(settings, apps)
    }

    /// The settings' limits, with no more connections than this process may have files open.
    private static func limits(_ settings: Settings, _ roles: Roles, logger: Logger) -> WebLimits {
        var limits = WebLimits(settings.limits)
        guard roles.contains(.serve) else { return limits }
        // Connections to PostgreSQL and their pipes, event loops, log, health; then those to the gateway.
        let others = 256 + (roles.contains(.work) ? settings.work.concurrency : 0)
        let listeners = settings.http.apiListen == nil ? 1 : 2
        let openFiles = OpenFiles.limit
        limits.connections = OpenFiles.fitting(
            limits.connections, listeners: listeners, others: others, limit: openFiles)
        if limits.connections < settings.limits.connections {
            let needed = settings.limits.connections * listeners + others
            logger.warning(
                """
                limits.connections: this process may have \(openFiles) files open, so a listener takes \(limits.connections) connections \
                and not \(settings.limits.connections); set LimitNOFILE=\(needed) (systemd) or ulimit -n \(needed)
                """)
        }
        return limits
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
            if settings.agreements != nil { lanes[agreementsLane] = 2 }
        }
        return lanes
    }

    private static func runner(
        _ settings: Settings, keyring: Keyring, pool: Pool, signal: JobSignal, settled: Signal, metrics: Metrics,
        logger: Logger
    ) -> JobRunner<PayResultHandler> {
        let holds = HoldBoard()
        let handler = PayResultHandler(
            keyring: keyring, holds: holds,
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
            peers: { _, workers in for door in keyring.current.doors.values { door.share(among: workers) } })
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
