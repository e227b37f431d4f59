import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Tells runners that a queue has jobs: those of this process at once, those of others by NOTIFY.
///
/// It is an optimisation: runners poll in any case. NOTIFY is sent after the enqueuing commit, by a statement of its own on
/// another connection, because inside the transaction it would take a lock on the whole database at its commit.
/// While one NOTIFY is under way, the queues that need another are collected for the next. Plain-SQL enqueuers may send
/// `NOTIFY settled_jobs, 'queue'` themselves, after their commit.
public final class JobSignal: Service {
    /// The channel; its payload is the queue's name.
    public static let channel = "settled_jobs"

    private struct State {
        var wakeups: [String: [Wakeup]] = [:]
        var unsent: Set<String> = []
    }

    private let pool: Pool
    private let lane: Lane
    private let listener: Listener?
    private let logger: Logger
    private let state = Mutex(State())
    private let hasUnsent = Wakeup()

    /// - Parameter listensOn: a direct connection, not through a pooler in transaction mode, to hear other processes on; it is
    ///   tested whenever it connects. nil: only this process wakes its runners, the others' jobs are found by polling.
    public init(pool: Pool, lane: Lane = "upkeep", listensOn: ConnectionSettings? = nil, logger: Logger) {
        self.pool = pool
        self.lane = lane
        self.logger = logger
        listener = listensOn.map { Listener($0, channels: [Self.channel], logger: logger) }
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

    /// Wakes the runners of this process, and tells no other.
    func wake(_ queues: Set<String>) {
        for queue in queues { wakeLocally(queue) }
    }

    private func wakeLocally(_ queue: String) {
        for wakeup in state.withLock({ $0.wakeups[queue] ?? [] }) { wakeup.fire() }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.sendUnsent() }
                if let listener = self.listener {
                    group.addTask {
                        // It ends by shutdown or cancellation alone; lost connections are its own business.
                        do { try await listener.run() } catch {
                            self.logger.warning("jobs.listener_ended", metadata: ["error": "\(error)"])
                        }
                    }
                    group.addTask { await self.wakeAsTold(by: listener) }
                }
            }
        }
    }

    private func wakeAsTold(by listener: Listener) async {
        for await notification in listener.notifications {
            switch notification {
            case .message(_, let queue): wakeLocally(queue)
            case .reconnected:
                // What was sent meanwhile was not heard.
                for queue in state.withLock({ Array($0.wakeups.keys) }) { wakeLocally(queue) }
            }
        }
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
                try await pool.withConnection(lane) { connection in
                    _ = try await connection.pipeline([
                        (.needNotLast, []), (.notify, [.text(Self.channel), .textArray(queues)]),
                    ])
                }
            } catch {
                // Nothing is lost: the others poll.
                logger.debug("jobs.notify_failed", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension Statement {
    /// A NOTIFY is a commit like any other, and would wait for the disk with nothing in it that has to last.
    fileprivate static let needNotLast = Statement(
        "jobs_notify_need_not_last", "SELECT set_config('synchronous_commit', 'off', true)")
    fileprivate static let notify = Statement(
        "jobs_notify", "SELECT pg_notify($1, queue) FROM unnest($2::text[]) AS ready (queue)")
}
