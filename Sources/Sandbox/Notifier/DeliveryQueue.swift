import Synchronization

/// What is to be posted next: redeliveries that are due, then new deliveries, then the wait for the earliest redelivery.
///
/// A sender that takes work waits for it itself, so nobody has to be woken: whoever puts a redelivery back comes here next and
/// takes the earliest one.
final class DeliveryQueue: Sendable {
    struct Attempt: Sendable {
        var delivery: Delivery
        /// From 1.
        var number: Int
        var sealed: SealedNotification
    }

    enum Work: Sendable {
        case first(Delivery)
        /// Not before `due`.
        case again(Attempt, due: Duration)
    }

    private struct State {
        var fresh: ArraySlice<Delivery>
        /// By due time, the earliest last.
        var waiting: [(due: Duration, attempt: Attempt)] = []
    }

    private let state: Mutex<State>

    init(_ deliveries: [Delivery]) { state = Mutex(State(fresh: deliveries[...])) }

    func next(now: Duration) -> Work? {
        state.withLock { state in
            if let earliest = state.waiting.last, earliest.due <= now || state.fresh.isEmpty {
                state.waiting.removeLast()
                return .again(earliest.attempt, due: earliest.due)
            }
            return state.fresh.popFirst().map(Work.first)
        }
    }

    func putBack(_ attempt: Attempt, due: Duration) {
        state.withLock { state in
            var low = 0
            var high = state.waiting.count
            while low < high {
                let middle = (low + high) / 2
                if state.waiting[middle].due > due { low = middle + 1 } else { high = middle }
            }
            state.waiting.insert((due, attempt), at: low)
        }
    }
}
