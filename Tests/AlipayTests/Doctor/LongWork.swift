import Dispatch
import Testing

/// A suite whose tests compute for long: they run one after the other on a thread of their own.
///
/// All tests share a pool with few threads, and some of them look at the clock; whoever computes there keeps them waiting.
struct LongWork: SuiteTrait, TestTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(OwnThread.shared) { try await function() }
    }

    private final class OwnThread: TaskExecutor {
        static let shared = OwnThread()
        private let queue = DispatchQueue(label: "tests.long-work")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }
}

extension Trait where Self == LongWork {
    static var longWork: Self { Self() }
}
