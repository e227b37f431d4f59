import Synchronization

/// Keeps a suspect alone: jobs pass together, a suspect passes only when no job runs.
///
/// Give all runners of a process the same gate, and a suspect is alone in the process: when that dies, it was its doing.
public final class SuspectGate: Sendable {
    private struct State {
        /// Claims under way and jobs that run.
        var inside = 0
        var isTaken = false
    }

    private let state = Mutex(State())
    private let changed = Wakeup()

    public init() {}

    /// Tries to pass with the others; false while a suspect is inside or waits to be.
    func enter() -> Bool {
        state.withLock { state in
            guard !state.isTaken else { return false }
            state.inside += 1
            return true
        }
    }

    /// Whether a suspect is inside or waits to be.
    var isTaken: Bool { state.withLock(\.isTaken) }

    /// More of the same kind, by one who is inside.
    func join(_ count: Int) {
        state.withLock { $0.inside += count }
    }

    func leave(_ count: Int = 1) {
        let isEmpty = state.withLock { state in
            state.inside -= count
            return state.inside == 0
        }
        if isEmpty { changed.fire() }
    }

    /// Holds back everybody else and waits until they have left.
    /// - Returns: false when that took longer than `patience`, or another suspect was first; nobody is held back then.
    func takeAlone(patience: Duration) async -> Bool {
        let isFirst = state.withLock { state in
            defer { state.isTaken = true }
            return !state.isTaken
        }
        guard isFirst else { return false }
        let limit = ContinuousClock.now + patience
        while state.withLock({ $0.inside > 0 }) {
            let left = ContinuousClock.now.duration(to: limit)
            guard left > .zero, !Task.isCancelled else {
                giveUpAlone()
                return false
            }
            await changed.wait(upTo: left)
        }
        return true
    }

    func giveUpAlone() {
        state.withLock { $0.isTaken = false }
    }
}
