import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Tells runners that a queue has jobs: those of this process at once, those of others by NOTIFY.
///
/// It is an optimisation: runners poll in any case. NOTIFY is sent after the enqueuing commit, by a statement of its own on
/// another connection, because inside the transaction it would take a lock on the whole database at its commit.
/// While one NOTIFY is under way, the queues that need another are collected for the next.
public final class JobSignal: Service {
    /// The channel; its payload is the queue's name.
    public static let channel = "settled_jobs"

    private struct State {
        var wakeups: [String: [Wakeup]] = [:]
        var unsent: Set<String> = []
    }

    private let pool: Pool
    private let lane: Lane
    private let logger: Logger
    private let state = Mutex(State())
    private let hasUnsent = Wakeup()

    public init(pool: Pool, lane: Lane = "upkeep", logger: Logger) {
        self.pool = pool
        self.lane = lane
        self.logger = logger
    }

    /// Call it after the commit that made jobs ready. Returns at once.
    public func send(queue: String) {
        wakeLocally(queue)
        state.withLock { _ = $0.unsent.insert(queue) }
        hasUnsent.fire()
    }

    /// What a runner of `queue` waits on.
    func wakeup(for queue: String) -> Wakeup {
        let wakeup = Wakeup()
        state.withLock { $0.wakeups[queue, default: []].append(wakeup) }
        return wakeup
    }

    private func wakeLocally(_ queue: String) {
        for wakeup in state.withLock({ $0.wakeups[queue] ?? [] }) { wakeup.fire() }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.sendUnsent() }
    }

    private func sendUnsent() async {
        while !Task.isCancelled {
            let queues = state.withLock { state in
                defer { state.unsent = [] }
                return state.unsent.sorted()
            }
            guard !queues.isEmpty else {
                await hasUnsent.wait()
                continue
            }
            do {
                _ = try await pool.query(lane, .notify, [.text(Self.channel), .textArray(queues)])
            } catch {
                // Nothing is lost: the others poll.
                logger.debug("jobs.notify_failed", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension Statement {
    fileprivate static let notify = Statement(
        "jobs_notify", "SELECT pg_notify($1, queue) FROM unnest($2::text[]) AS ready (queue)")
}
