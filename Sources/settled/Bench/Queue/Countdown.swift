import Synchronization

/// What several tasks count together.
final class RunningCount: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ more: Int) { count.add(more, ordering: .relaxed) }
}

/// Counts down from a number, for one who waits for its end.
final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let reached = Mutex<ContinuousClock.Instant?>(nil)
    private let (stream, continuation) = AsyncStream.makeStream(of: Void.self)

    init(_ count: Int) { left = Atomic(count) }

    /// When the number was reached.
    var end: ContinuousClock.Instant? { reached.withLock { $0 } }

    func add() {
        guard left.subtract(1, ordering: .relaxed).newValue == 0 else { return }
        reached.withLock { $0 = .now }
        continuation.finish()
    }

    func wait(_ patience: Duration) async {
        let timer = Task { [continuation] in
            try await Task.sleep(for: patience)
            continuation.finish()
        }
        for await _ in stream {}
        timer.cancel()
    }
}
