import Synchronization

/// The id in `settled.workers` under which a runner claims. It changes when the row was pruned after a long absence.
final class WorkerIdentity: Sendable {
    private let current: Mutex<Int64>

    init(_ id: Int64) { current = Mutex(id) }

    var id: Int64 {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
