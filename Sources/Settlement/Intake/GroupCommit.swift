import FailPoints
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Many concurrent deliveries, one commit.
///
/// There is no timer: whoever arrives while a lane is writing joins the write that starts next. Each delivery gets its own
/// verdict, and a delivery that the database refuses for its own sake is separated from its neighbours by halving the batch.
final class GroupCommit: Service {
    /// What became of one delivery.
    enum Verdict: Sendable {
        case stored(Receipt.Result)
        case unavailable(cause: String)
    }

    struct Limits: Sendable {
        /// Concurrent writers, each with a connection of its own.
        var lanes = 2
        /// Deliveries in one statement, at most.
        var batch = 512
        /// Deliveries that may wait; more are turned away early and cheaply.
        var waiting = 8192
        /// How long a delivery may wait for a lane, and how long a lane may take to commit.
        var patience: Duration = .seconds(3)
        var commit: Duration = .seconds(5)
    }

    /// A class, because batches of them are copied: one reference each instead of fifteen.
    private final class Waiting: Sendable {
        let delivery: StoredDelivery
        let since: ContinuousClock.Instant
        let answer: @Sendable (Verdict) -> Void

        init(delivery: StoredDelivery, answer: @escaping @Sendable (Verdict) -> Void) {
            self.delivery = delivery
            since = .now
            self.answer = answer
        }
    }

    private struct State {
        var waiting: [Waiting] = []
        var idle: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let pool: Pool
    private let lane: Lane
    private let limits: Limits
    private let logger: Logger
    private let state = Mutex(State())
    /// Told of each commit: what became of the deliveries that it carried.
    private let committed: @Sendable ([Receipt.Result]) -> Void

    init(
        pool: Pool, lane: Lane, limits: Limits, logger: Logger,
        committed: @escaping @Sendable ([Receipt.Result]) -> Void = { _ in }
    ) {
        self.pool = pool
        self.lane = lane
        self.limits = limits
        self.logger = logger
        self.committed = committed
    }

    /// How many deliveries wait for a lane now.
    var waiting: Int { state.withLock(\.waiting.count) }

    /// Waits until `delivery` is durable, or says why it is not.
    func submit(_ delivery: StoredDelivery) async -> Verdict {
        await withCheckedContinuation { continuation in
            submit(delivery) { continuation.resume(returning: $0) }
        }
    }

    /// The same for a caller that is no task: `answer` is called once, on any thread, and must not block it.
    func submit(_ delivery: StoredDelivery, answer: @escaping @Sendable (Verdict) -> Void) {
        let waiting = Waiting(delivery: delivery, answer: answer)
        let (refusal, wake) = state.withLock { state -> (String?, CheckedContinuation<Void, Never>?) in
            if state.isClosed { return ("shutting_down", nil) }
            if state.waiting.count >= limits.waiting { return ("overloaded", nil) }
            state.waiting.append(waiting)
            return (nil, state.idle.popLast())
        }
        if let refusal { answer(.unavailable(cause: refusal)) }
        wake?.resume()
    }

    /// Writes until shutdown is asked for, or the task is cancelled, and nothing waits any more.
    func run() async {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<limits.lanes { group.addTask { await self.write() } }
                }
            } onGracefulShutdown: {
                self.close()
            }
        } onCancel: {
            self.close()
        }
    }

    private func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle
        }
        for lane in idle { lane.resume() }
    }

    private func write() async {
        while let batch = await next() {
            let now = ContinuousClock.now
            var fresh: [Waiting] = []
            fresh.reserveCapacity(batch.count)
            for waiting in batch {
                if now - waiting.since > limits.patience {
                    waiting.answer(.unavailable(cause: "waited_too_long"))
                } else {
                    fresh.append(waiting)
                }
            }
            await commit(fresh)
        }
    }

    /// The deliveries that wait now, as soon as there are any; nil when the lane is to end.
    private func next() async -> [Waiting]? {
        while true {
            enum Turn {
                case batch([Waiting])
                case end
                case sleep
            }
            let turn = state.withLock { state -> Turn in
                if state.waiting.isEmpty { return state.isClosed ? .end : .sleep }
                if state.waiting.count <= limits.batch {
                    defer { state.waiting = [] }
                    return .batch(state.waiting)
                }
                defer { state.waiting.removeFirst(limits.batch) }
                return .batch(Array(state.waiting.prefix(limits.batch)))
            }
            switch turn {
            case .batch(let batch): return batch
            case .end: return nil
            case .sleep:
                await withCheckedContinuation { continuation in
                    let isNeeded = state.withLock { state in
                        if state.waiting.isEmpty && !state.isClosed {
                            state.idle.append(continuation)
                            return false
                        }
                        return true
                    }
                    if isNeeded { continuation.resume() }
                }
            }
        }
    }

    private func commit(_ batch: [Waiting]) async {
        guard !batch.isEmpty else { return }
        do {
            let results = try await store(batch.map(\.delivery))
            committed(results)
            for (waiting, result) in zip(batch, results) { waiting.answer(.stored(result)) }
        } catch let error as PostgresError where error.isRefusalOfData {
            await separate(batch, because: error)
        } catch {
            // Also a connection lost during COMMIT: whether it happened is unknown, so nobody is told that it did.
            logger.warning(
                "deliveries were not stored", metadata: ["count": "\(batch.count)", "err.msg": "\(error)"])
            for waiting in batch { waiting.answer(.unavailable(cause: "not_durable")) }
        }
    }

    /// Halves a batch that the database refused until the culprit stands alone; it is then kept as raw bytes for a person.
    private func separate(_ batch: [Waiting], because error: PostgresError) async {
        guard batch.count == 1 else {
            let middle = batch.count / 2
            await commit(Array(batch[..<middle]))
            await commit(Array(batch[middle...]))
            return
        }
        let reason = error.sqlState ?? "refused"
        logger.error(
            "the database refused a notification; it is quarantined", metadata: ["err.type": "\(reason)"])
        do {
            // It may also have been a duplicate, of which only the rest was refused.
            let result = try await store([batch[0].delivery.asUnstorable(reason)]).first ?? .quarantined
            committed([result])
            batch[0].answer(.stored(result))
        } catch {
            logger.warning("a refused notification was not stored either", metadata: ["err.msg": "\(error)"])
            batch[0].answer(.unavailable(cause: "not_durable"))
        }
    }

    private func store(_ deliveries: [StoredDelivery]) async throws -> [Receipt.Result] {
        let limits = limits
        let results = try await pool.transaction(lane, wait: limits.commit, deadline: limits.commit) { tx in
            let results = try DeliveryStore.insert(deliveries, in: tx, deadline: limits.commit)
            try FailPoint.reach("intake.inserted")
            return results
        }
        try FailPoint.reach("intake.committed")
        return results
    }
}

extension PostgresError {
    /// Whether the server looked at the data and refused it, as opposed to not having been able to look: then one delivery
    /// is at fault. A missing table or right (class 42) or schema is nobody's fault, and halving would only cost time.
    var isRefusalOfData: Bool {
        if code == .invalidParameter { return true }
        guard code == .server, !isTransient, let sqlState else { return false }
        return !["42", "3D", "3F", "28", "25"].contains { sqlState.hasPrefix($0) }
    }
}
