import Synchronization

/// A job whose handler has answered, or for which the runner has decided.
///
/// Of what type a handler's output is only the handler's own ``Completer`` knows: what stands in between would otherwise look
/// up at run time, for every job, how that type is copied.
struct Answered: Sendable {
    enum Answer: Sendable {
        case output(any Sendable)
        case decided(Disposition)
    }

    let lease: Lease
    let answer: Answer
    /// How long the handler took.
    let duration: Duration
}

/// The jobs that a runner holds, from the claim to the commit of their completion: running, answered, being completed.
///
/// A slot is taken by the claim and freed by that commit, so completions that are slow hold back claims.
final class RunningJobs: Sendable {
    private struct Running {
        let lease: Lease
        let startedAt: ContinuousClock.Instant
        var task: Task<Void, Never>?
    }

    private struct State {
        var held = 0
        var running: [Lease.Key: Running] = [:]
        var answered: [Answered] = []
        /// When the first of them came.
        var answeredSince = ContinuousClock.now
        var completing: [Lease.Key: Lease] = [:]
    }

    /// What there is for a completer that looks.
    enum Turn {
        case batch([Answered])
        /// Another completer is at work and there is little yet: it will take these itself. Look again after this time, as
        /// it may be held up.
        case soon(Duration)
        case nothing
    }

    let concurrency: Int
    /// So many answers are worth a transaction beside one that is under way. With fewer, transactions would be many and
    /// small, and each costs the database some hundred microseconds, whatever is in it.
    private let worthwhile: Int
    private let patience: Duration
    private let state = Mutex(State())
    /// A slot came free.
    let slotFreed = Wakeup()
    /// An answer waits for a completer.
    let hasAnswers = Wakeup()

    /// - Parameter patience: how long a few answers wait for the completer that is at work.
    init(concurrency: Int, patience: Duration = .milliseconds(20)) {
        self.concurrency = concurrency
        self.patience = patience
        worthwhile = max(1, concurrency * 3 / 8)
    }

    var freeSlots: Int { concurrency - state.withLock(\.held) }
    var count: Int { state.withLock(\.held) }

    /// Registers jobs before their tasks exist, so that no answer can come for an unknown job.
    func begin(_ leases: [Lease]) {
        let now = ContinuousClock.now
        state.withLock { state in
            state.held += leases.count
            for lease in leases { state.running[lease.key] = Running(lease: lease, startedAt: now) }
        }
    }

    /// The tasks of jobs that have begun; one that has answered already needs none.
    func attach(_ tasks: [(lease: Lease, task: Task<Void, Never>)]) {
        state.withLock { state in
            for (lease, task) in tasks { state.running[lease.key]?.task = task }
        }
    }

    /// The handler's answer. Nothing happens when the runner has decided about the job before.
    func answer(_ lease: Lease, _ answer: Answered.Answer) {
        let isOfNote = state.withLock { state in
            guard let running = state.running.removeValue(forKey: lease.key) else { return false }
            let now = ContinuousClock.now
            if state.answered.isEmpty { state.answeredSince = now }
            state.answered.append(Answered(lease: lease, answer: answer, duration: running.startedAt.duration(to: now)))
            return state.completing.isEmpty || state.answered.count == 1 || state.answered.count == worthwhile
        }
        if isOfNote { hasAnswers.fire() }
    }

    /// The next batch for a completer, oldest first.
    func takeAnswers(atMost limit: Int) -> Turn {
        state.withLock { state in
            if state.answered.isEmpty { return .nothing }
            if !state.completing.isEmpty, state.answered.count < min(worthwhile, limit) {
                let left = patience - state.answeredSince.duration(to: .now)
                if left > .zero { return .soon(left) }
            }
            let batch = Array(state.answered.prefix(limit))
            state.answered.removeFirst(batch.count)
            for answered in batch { state.completing[answered.lease.key] = answered.lease }
            return .batch(batch)
        }
    }

    /// The batch is committed, refused or given up.
    func completed(_ batch: [Answered]) {
        state.withLock { state in
            for answered in batch { state.completing[answered.lease.key] = nil }
            state.held -= batch.count
        }
        slotFreed.fire()
    }

    /// Decides about jobs whose handlers take longer than `limit`, and cancels those.
    func expire(olderThan limit: Duration, with disposition: Disposition) -> [Lease] {
        let deadline = ContinuousClock.now - limit
        let late = state.withLock { state in state.running.values.filter { $0.startedAt < deadline } }
        for running in late {
            answer(running.lease, .decided(disposition))
            running.task?.cancel()
        }
        return late.map(\.lease)
    }

    /// The leases that need a heartbeat: held for longer than `age`.
    func leases(heldFor age: Duration) -> [Lease] {
        let deadline = ContinuousClock.now - age
        return state.withLock { state in
            state.running.values.filter { $0.startedAt <= deadline }.map(\.lease) + state.answered.map(\.lease)
                + state.completing.values
        }
    }

    /// Takes away what has not been completed, to be given back; cancels what still runs.
    func abandon() -> [Lease] {
        let (leases, tasks) = state.withLock { state in
            let leases = state.running.values.map(\.lease) + state.answered.map(\.lease)
            let tasks = state.running.values.compactMap(\.task)
            state.held -= leases.count
            state.running = [:]
            state.answered = []
            return (leases, tasks)
        }
        for task in tasks { task.cancel() }
        slotFreed.fire()
        return leases
    }
}
