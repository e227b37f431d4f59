import Synchronization

/// Tells whoever waits on which port a server listens, or that it never will. The first word counts.
final class StartedServer: Sendable {
    private struct State {
        var result: Result<Int, SandboxError>?
        var waiting: [Int: CheckedContinuation<Int, any Error>] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    func succeed(port: Int) { settle(.success(port)) }
    func fail(_ error: SandboxError) { settle(.failure(error)) }

    private func settle(_ result: Result<Int, SandboxError>) {
        let waiting = state.withLock { state -> [CheckedContinuation<Int, any Error>] in
            guard state.result == nil else { return [] }
            state.result = result
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(with: result.mapError { $0 as any Error }) }
    }

    var port: Int {
        get async throws {
            let id = state.withLock { state in
                state.nextID += 1
                return state.nextID
            }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let known = state.withLock { state -> Result<Int, any Error>? in
                        if let result = state.result { return result.mapError { $0 as any Error } }
                        if Task.isCancelled { return .failure(CancellationError()) }
                        state.waiting[id] = continuation
                        return nil
                    }
                    if let known { continuation.resume(with: known) }
                }
            } onCancel: {
                let waiting = state.withLock { $0.waiting.removeValue(forKey: id) }
                waiting?.resume(throwing: CancellationError())
            }
        }
    }
}
