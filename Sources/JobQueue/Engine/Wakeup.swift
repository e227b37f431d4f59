import Synchronization

/// Lets tasks wait for "something may have changed".
///
/// A call to ``fire()`` wakes all who wait; when nobody waits, it is remembered and the next wait returns at once. So a
/// change between a look and the wait after it is never slept through. A wait may end without a reason: look again.
final class Wakeup: Sendable {
    private struct Waiting {
        let continuation: CheckedContinuation<Bool, Never>
        let deadline: ContinuousClock.Instant?
    }

    private struct State {
        var isPending = false
        var nextTicket: UInt64 = 0
        var waiting: [UInt64: Waiting] = [:]
        /// When the task that ends waits at their deadlines looks again; nil without one.
        var alarm: (time: ContinuousClock.Instant, task: Task<Void, Never>)?
    }

    private let state = Mutex(State())

    deinit { state.withLock { $0.alarm?.task.cancel() } }

    func fire() {
        let waiting = state.withLock { state in
            let waiting = state.waiting
            state.waiting = [:]
            state.isPending = waiting.isEmpty
            return waiting
        }
        for waiting in waiting.values { waiting.continuation.resume(returning: true) }
    }

    /// Returns when fired, when `limit` has passed, or when the task is cancelled.
    /// - Returns: whether it was fired.
    @discardableResult
    func wait(upTo limit: Duration? = nil) async -> Bool {
        let ticket = newTicket()
        return await withTaskCancellationHandler {
            await wait(upTo: limit, ticket)
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.continuation.resume(returning: false)
        }
    }

    /// As ``wait(upTo:)``, but a cancellation does not end it: whoever cancels the task fires as well.
    ///
    /// Whoever waits on an actor is woken on the actor's own thread. With a cancellation handler around the wait a task goes
    /// by way of the shared threads, which is one thread more to be woken.
    func waitInPlace(upTo limit: Duration) async -> Bool {
        await wait(upTo: limit, newTicket())
    }

    private func newTicket() -> UInt64 {
        state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
    }

    private func wait(upTo limit: Duration?, _ ticket: UInt64) async -> Bool {
        let deadline = limit.map { ContinuousClock.now + $0 }
        return await withCheckedContinuation { continuation in
            let answer: Bool? = state.withLock { state in
                if state.isPending || Task.isCancelled {
                    defer { state.isPending = false }
                    return state.isPending
                }
                state.waiting[ticket] = Waiting(continuation: continuation, deadline: deadline)
                if let deadline { setAlarm(at: deadline, &state) }
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// One task serves all deadlines, and stays when a wait ends early: most do, and a task made and cancelled for each would
    /// stand between the signal and what it is about.
    private func setAlarm(at time: ContinuousClock.Instant, _ state: inout State) {
        if let alarm = state.alarm {
            guard time < alarm.time else { return }
            alarm.task.cancel()
        }
        let task = Task { [weak self] in
            var next: ContinuousClock.Instant? = time
            while let time = next {
                do { try await Task.sleep(until: time, clock: .continuous) } catch { return }
                next = self?.ring()
            }
        }
        state.alarm = (time, task)
    }

    /// Ends the waits whose time has come.
    /// - Returns: when to look again; nil when nobody with a deadline is left.
    private func ring() -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        let (late, next) = state.withLock { state -> ([Waiting], ContinuousClock.Instant?) in
            // Cancelled after it woke up: an earlier alarm has taken its place.
            if Task.isCancelled { return ([], nil) }
            let late = state.waiting.filter { $0.value.deadline.map { $0 <= now } ?? false }
            for ticket in late.keys { state.waiting[ticket] = nil }
            let next = state.waiting.values.lazy.compactMap(\.deadline).min()
            state.alarm = next.flatMap { next in state.alarm.map { (next, $0.task) } }
            return (Array(late.values), next)
        }
        for waiting in late { waiting.continuation.resume(returning: false) }
        return next
    }
}
