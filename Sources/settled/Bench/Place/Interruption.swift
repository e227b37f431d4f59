import ArgumentParser
import UnixSignals

/// Ends work at SIGINT or SIGTERM in an orderly way: what waits is cancelled, and whoever made something takes it away.
struct Interruption: Sendable {
    private let signals: UnixSignalsSequence

    /// From here on neither signal ends the process by itself.
    static func trapped() async -> Interruption {
        Interruption(signals: await UnixSignalsSequence(trapping: .sigint, .sigterm))
    }

    /// Runs `body` until it returns or a signal comes.
    ///
    /// - Throws: a failure with exit code 130 after a signal, as a shell would report it.
    func ending<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { tasks in
            tasks.addTask { try await body() }
            tasks.addTask {
                for await _ in signals { throw CommandFailure("interrupted", ExitCode(130)) }
                return nil
            }
            defer { tasks.cancelAll() }
            while let value = try await tasks.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }
}
