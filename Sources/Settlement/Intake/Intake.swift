import Alipay
import FailPoints
import Logging
import Postgres
import ServiceLifecycle
import Telemetry

/// Takes notifications in: verify, then commit, then answer.
///
/// What verifies is always acknowledged, once it is durable; doubt is stored, flagged or quarantined. What does not verify
/// is never acknowledged. One notification never suffers for another's fault.
public final class Intake: Service {
    public struct Options: Sendable {
        /// Lanes, that is connections, that write.
        public var lanes = 2
        /// How long storing may take before the answer is 503.
        public var commitDeadline: Duration = .seconds(8)
        /// Bytes of unverifiable bodies kept for one source.
        public var rejectedCapacity: Int64 = 1 << 30
        /// Unverifiable deliveries a second that one source looks at in earnest, and how many may come at once.
        public var rejectedRate = 100.0
        public var rejectedBurst = 1000.0
        public init() {}
    }

    public static let lane: Lane = "intake"
    public static let rejectedLane: Lane = "rejected"

    private let keyring: Keyring
    private let group: GroupCommit
    private let rejected: RejectedStore
    private let limiter: Limiter
    private let pool: Pool
    private let metrics: Metrics
    private let logger: Logger
    /// Told after a commit that carried new jobs, so that workers need not wait for their next poll.
    private let queued: @Sendable () -> Void
    private let wanted = AsyncStream<WantedCertificate>.makeStream(bufferingPolicy: .bufferingNewest(8))

    public init(
        keyring: Keyring, pool: Pool, metrics: Metrics, logger: Logger, options: Options = Options(),
        queued: @escaping @Sendable () -> Void = {}
    ) {
        self.keyring = keyring
        var limits = GroupCommit.Limits()
        limits.lanes = options.lanes
        limits.patience = options.commitDeadline * 0.375
        limits.commit = options.commitDeadline * 0.625
        group = GroupCommit(
            pool: pool, lane: Self.lane, limits: limits, logger: logger,
            committed: { results in if results.contains(.new) { queued() } })
        rejected = RejectedStore(
            pool: pool, lane: Self.rejectedLane, capacity: options.rejectedCapacity, logger: logger)
        limiter = Limiter(rate: options.rejectedRate, burst: options.rejectedBurst)
        self.pool = pool
        self.metrics = metrics
        self.logger = logger
        self.queued = queued
    }

    /// The source that is called so now.
    public func source(named name: Substring) -> Source? { keyring.current.sources[String(name)] }

    public func run() async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.fetchCertificates() }
            await group.run()
            tasks.cancelAll()
        }
    }

    /// Takes one delivery to `source` in and says what to answer.
    ///
    /// - Returns: ``Receipt/acknowledged(_:_:)`` only after the commit that holds the delivery and its job.
    public func receive(_ delivery: Delivery, at source: Source) async -> Receipt {
        await withCheckedContinuation { continuation in
            receive(delivery, at: source) { continuation.resume(returning: $0) }
        }
    }

    /// The same for a caller that is no task: verifies on the caller's thread, which takes some 30 µs, and calls `answer` once,
    /// on any thread, when there is a receipt.
    public func receive(
        _ delivery: Delivery, at source: Source, answer: @escaping @Sendable (Receipt) -> Void
    ) {
        do {
            try take(delivery, at: source, answer)
        } catch {
            // Only a fail point throws here, and what it stands for is a step that broke before anything was promised.
            answer(.unavailable(cause: "interrupted"))
        }
    }

    private func take(
        _ delivery: Delivery, at source: Source, _ answer: @escaping @Sendable (Receipt) -> Void
    ) throws(FailPointReached) {
        metrics.notificationReceived(source: source.name)
        try FailPoint.reach("intake.accepted")
        let notification: Notification
        do {
            notification = try source.verifier.verify(body: delivery.body, contentType: delivery.contentType)
        } catch {
            return refuse(delivery, at: source, error, answer)
        }
        try FailPoint.reach("intake.verified")
        for flag in notification.flags { metrics.notificationFlagged(flag: flag.rawValue) }
        let screening = Screening(notification, from: source, merchants: keyring.current.merchants)
        if case .quarantine(_, let cause, let message) = screening {
            logger.warning(
                "a notification is quarantined",
                metadata: ["source": "\(source.name)", "cause": "\(cause.rawValue)", "why": "\(message)"])
        }
        group.submit(StoredDelivery(notification, from: source, delivery: delivery, screening: screening)) {
            [metrics] verdict in
            switch verdict {
            case .stored(let result):
                metrics.acked(result: result.rawValue)
                answer(.acknowledged(source.acknowledgement, result))
            case .unavailable(let cause):
                metrics.rejected(cause: cause)
                answer(.unavailable(cause: cause))
            }
        }
    }

    private func refuse(
        _ delivery: Delivery, at source: Source, _ rejection: NotificationRejection,
        _ answer: @escaping @Sendable (Receipt) -> Void
    ) {
        metrics.rejected(cause: rejection.cause.rawValue)
        guard limiter.admit(source.name) else {
            return answer(.refused(status: 429, cause: "too_many_unverified"))
        }
        logger.notice(
            "a notification was refused",
            metadata: [
                "source": "\(source.name)", "cause": "\(rejection.cause.rawValue)", "why": "\(rejection.message)",
                "remote_address": "\(delivery.remoteAddress ?? "-")",
            ])
        if let number = rejection.certificateNumber {
            wanted.continuation.yield(WantedCertificate(appID: source.appID, number: number))
        }
        // The store bounds how many of these there are at a time.
        Task { [rejected] in
            await rejected.keep(
                delivery, source: source.name, cause: rejection.cause.rawValue, message: rejection.message)
            answer(.refused(status: rejection.status, cause: rejection.cause.rawValue))
        }
    }

    // MARK: Renewed certificates

    /// A certificate of Alipay's that an unverified notification names. Its number may be an invention.
    private struct WantedCertificate: Sendable {
        let appID: String
        let number: String
    }

    /// How long after one such download the next may follow: nobody makes us ask the gateway more often than that.
    private static let certificatePause = Duration.seconds(5)

    /// Gets certificates that notifications name before any answer of the gateway did, so that Alipay's next delivery of
    /// the same notification verifies. A process that only serves learns of a renewal in no other way.
    private func fetchCertificates() async {
        for await want in wanted.stream {
            guard let gateway = keyring.current.gateways[want.appID] else { continue }
            if let failure = await gateway.obtainCertificate(want.number) {
                logger.warning(
                    "a notification names a certificate of Alipay's that is not believed",
                    metadata: [
                        "app_id": "\(want.appID)", "cause": "\(failure.cause)", "why": "\(failure.message)",
                    ])
            }
            do { try await Task.sleep(for: Self.certificatePause) } catch { return }
        }
    }

    /// Removes what was kept of the unverifiable for longer than `age`, and reads anew how much there is.
    public func tidyRejected(olderThan age: Duration) async throws {
        try await rejected.tidy(olderThan: age)
    }
}
