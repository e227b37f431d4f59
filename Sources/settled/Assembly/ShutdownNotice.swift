import ServiceLifecycle
import Synchronization

/// Knows that shutdown has begun. As the last service of a group it is told before all others.
final class ShutdownNotice: Service {
    private let begun = Atomic(false)
    private let tell: @Sendable () -> Void

    /// - Parameter tell: called once, when shutdown begins.
    init(_ tell: @escaping @Sendable () -> Void) { self.tell = tell }

    var hasBegun: Bool { begun.load(ordering: .acquiring) }

    func run() async {
        try? await gracefulShutdown()
        begun.store(true, ordering: .releasing)
        tell()
    }
}
