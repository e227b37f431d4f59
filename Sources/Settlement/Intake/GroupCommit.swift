import FailPoints
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Many concurrent deliveries, one commit.
///
/// Whoever arrives while a lane is writing joins the write that starts next. A statement costs the server as much as eight of
/// the deliveries in it, so a second lane starts beside one that writes only for a number of them that is worth it, or for one
/// that has waited too long because that lane is stuck. Each delivery gets its own verdict, and a delivery that the database
/// refuses for its own sake is separated from its neighbours by halving the batch.
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
        /// Deliveries that are worth a lane beside others that write.
        var worthALane = 24
        /// How long fewer of them wait for those.
        var late: Duration = .milliseconds(20)
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
        /// Lanes that sleep; false sends one home.
        var idle: [CheckedContinuation<Bool, Never>] = []
        /// Lanes that are awake.
        var busy = 0
        /// Whether somebody looks after those who wait while a lane sleeps.
        var isWatched = false
        var isClosed = false

        /// Whether what waits is to be written by one more lane, when so many others are awake.
        func needsLane(beside others: Int, _ limits: Limits) -> Bool {
            guard let first = waiting.first else { return false }
            return others == 0 || waiting.count >= limits.worthALane || .now - first.since >= limits.late
        }

        mutating func wake(_ limits: Limits) -> CheckedContinuation<Bool, Never>? {
            guard needsLane(beside: busy, limits), let lane = idle.popLast() else { return nil }
            busy += 1
            return lane
        }

        mutating func take(_ limits: Limits) -> [Waiting] {
            if waiting.count <= limits.batch {
                defer { waiting = [] }
                return waiting
            }
            defer { waiting.removeFirst(limits.batch) }
            return Array(waiting.prefix(limits.batch))
        }
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
        enum Turn {
            case refuse(String)
            case wake(CheckedContinuation<Bool, Never>)
            case watch
            case wait
        }
        let turn = state.withLock { state -> Turn in
            if state.isClosed { return .refuse("shutting_down") }
            if state.waiting.count >= limits.waiting { return .refuse("overloaded") }
            state.waiting.append(waiting)
            if let lane = state.wake(limits) { return .wake(lane) }
            guard !state.isWatched, !state.idle.isEmpty else { return .wait }
            state.isWatched = true
            return .watch
        }
        switch turn {
        case .refuse(let cause): answer(.unavailable(cause: cause))
        case .wake(let lane): lane.resume(returning: true)
        case .watch: Task { await watch() }
        case .wait: break
        }
    }

    /// Wakes a lane for those whom the others leave waiting, until nobody waits or no lane sleeps. One task for all of them.
    private func watch() async {
        var isNeeded = true
        while isNeeded {
            // Nobody cancels this task, so that the pause does not fail.
            try? await Task.sleep(for: limits.late)
            let lane = state.withLock { state in
                let lane = state.wake(limits)
                isNeeded = !state.waiting.isEmpty && !state.idle.isEmpty
                state.isWatched = isNeeded
                return lane
            }
            lane?.resume(returning: true)
        }
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
        for lane in idle { lane.resume(returning: false) }
    }

    private func write() async {
        var hasWritten = false
        while await next(after: hasWritten) {
            hasWritten = true
            var failure: Failure?
            do {
                failure = try await pool.withConnection(lane, wait: limits.commit) { await self.write(on: $0) }
            } catch {
                failure = Failure(batch: state.withLock { $0.take(limits) }, error: error)
            }
            if let failure { await answer(failure) }
        }
    }

    /// Waits until this lane is to write; false when it is to end. A lane that has written looks here whether somebody came
    /// while each of the lanes left the rest to the others.
    private func next(after hasWritten: Bool) async -> Bool {
        await withCheckedContinuation { continuation in
            let isNeeded = state.withLock { state -> Bool? in
                if hasWritten { state.busy -= 1 }
                if state.needsLane(beside: state.busy, limits) {
                    state.busy += 1
                    return true
                }
                if state.isClosed { return false }
                state.idle.append(continuation)
                return nil
            }
            if let isNeeded { continuation.resume(returning: isNeeded) }
        }
    }

    /// A batch that was not stored, and why.
    private struct Failure: Sendable {
        let batch: [Waiting]
        let error: any Error
    }

    /// Writes batch after batch for as long as they need it, and answers each, without leaving the connection's thread: the
    /// way to another thread and back is twice a wait for a free processor when there is much to do.
    private func write(on connection: isolated Connection) -> Failure? {
        while true {
            let taken = state.withLock { $0.needsLane(beside: $0.busy - 1, limits) ? $0.take(limits) : [] }
            if taken.isEmpty { return nil }
            let batch = inTime(taken)
            do {
                if !batch.isEmpty { answer(batch, try store(batch.map(\.delivery), on: connection)) }
            } catch {
                return Failure(batch: batch, error: error)
            }
        }
    }

    /// Turns away what has waited for too long, and returns the rest.
    private func inTime(_ batch: [Waiting]) -> [Waiting] {
        let now = ContinuousClock.now
        return batch.filter { waiting in
            guard now - waiting.since > limits.patience else { return true }
            waiting.answer(.unavailable(cause: "waited_too_long"))
            return false
        }
    }

    private func answer(_ batch: [Waiting], _ results: [Receipt.Result]) {
        committed(results)
        for (waiting, result) in zip(batch, results) { waiting.answer(.stored(result)) }
    }

    private func answer(_ failure: Failure) async {
        guard !failure.batch.isEmpty else { return }
        if let error = failure.error as? PostgresError, error.isRefusalOfData {
            return await separate(failure.batch, because: error)
        }
        // Also a connection lost during COMMIT: whether it happened is unknown, so nobody is told that it did.
        logger.warning(
            "deliveries were not stored",
            metadata: ["count": "\(failure.batch.count)", "err.msg": "\(failure.error)"])
        for waiting in failure.batch { waiting.answer(.unavailable(cause: "not_durable")) }
    }

    /// Halves a batch that the database refused until the culprit stands alone; it is then kept as raw bytes for a person.
    private func separate(_ batch: [Waiting], because error: PostgresError) async {
        guard batch.count == 1 else {
            let middle = batch.count / 2
            for half in [batch[..<middle], batch[middle...]] {
                let half = Array(half)
                do {
                    answer(half, try await store(half.map(\.delivery)))
                } catch {
                    await answer(Failure(batch: half, error: error))
                }
            }
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
        try await pool.withConnection(lane, wait: limits.commit) { try await self.store(deliveries, on: $0) }
    }

    /// One statement outside a transaction is one of its own, and needs one way to the server instead of three.
    private func store(_ deliveries: [StoredDelivery], on connection: isolated Connection) throws -> [Receipt.Result] {
        let results: [Receipt.Result]
        if FailPoint.isArmed("intake.inserted") {
            // Between the INSERT and its commit there is a step only when they are sent apart.
            results = try connection.transaction(deadline: limits.commit) { tx in
                let results = try DeliveryStore.insert(deliveries, in: tx, deadline: limits.commit)
                try FailPoint.reach("intake.inserted")
                return results
            }
        } else {
            results = try DeliveryStore.insert(deliveries, in: connection, deadline: limits.commit)
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
