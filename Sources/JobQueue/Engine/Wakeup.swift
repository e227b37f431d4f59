import Synchronization

/// Lets tasks wait for "something may have changed".
///
/// A call to ``fire()`` wakes all who wait; when nobody waits, it is remembered and the next wait returns at once. So a
/// change between a look and the wait after it is never slept through. A wait may end without a reason: look again.
final class Wakeup: Sendable {
    private struct State {
        var isPending = false
        var nextTicket: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func fire() {
        let waiting = state.withLock { state in
            let waiting = state.waiting
            state.waiting = [:]
            state.isPending = waiting.isEmpty
            return waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    /// Returns when fired, when `limit` has passed, or when the task is cancelled.
    func wait(upTo limit: Duration? = nil) async {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let timer = limit.map { limit in
            Task {
                try await Task.sleep(for: limit)
                leave(ticket)
            }
        }
        defer { timer?.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let returnsNow = state.withLock { state in
                    if state.isPending || Task.isCancelled {
                        state.isPending = false
                        return true
                    }
                    state.waiting[ticket] = continuation
                    return false
                }
                if returnsNow { continuation.resume() }
            }
        } onCancel: {
            leave(ticket)
        }
    }

    private func leave(_ ticket: UInt64) {
        state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume()
    }
}
