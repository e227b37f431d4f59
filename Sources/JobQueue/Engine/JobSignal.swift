import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Tells runners that a queue has jobs: those of this process at once, those of others by NOTIFY.
///
/// It is an optimisation: runners poll in any case. NOTIFY is sent after the enqueuing commit, by a statement of its own on
/// another connection, because inside the transaction it would take a lock on the whole database at its commit.
/// While one NOTIFY is under way, the queues that need another are collected for the next. Who only stores jobs lets it
/// travel behind the commit on the same connection, with ``enqueue(_:on:)``. Plain-SQL enqueuers may send
/// `NOTIFY settled_jobs, 'queue'` themselves, after their commit.
public final class JobSignal: Service {
    /// The channel; its payload is the queue's name.
    public static let channel = "settled_jobs"

    private struct State {
        var unsent: Set<String> = []
        /// Whether a NOTIFY goes out behind somebody's own commit.
        var isPassengerUnderWay = false
    }

    private let pool: Pool
    private let lane: Lane
    private let listener: Listener?
    private let logger: Logger
    private let local = LocalWakeups()
    private let state = Mutex(State())
    private let hasUnsent = Wakeup()

    /// - Parameter listensOn: a direct connection, not through a pooler in transaction mode, to hear other processes on; it is
    ///   tested whenever it connects. nil: only this process wakes its runners, the others' jobs are found by polling.
    public init(pool: Pool, lane: Lane = "upkeep", listensOn: ConnectionSettings? = nil, logger: Logger) {
        self.pool = pool
        self.lane = lane
        self.logger = logger
        listener = listensOn.map { [local] settings in
            Listener(settings, channels: [Self.channel], logger: logger) { notification in
                switch notification {
                case .message(_, let queue): local.fire(queue)
                // What was sent meanwhile was not heard.
                case .reconnected: local.fireAll()
                case .deaf: break
                }
            }
        }
    }

    /// Call it after the commit that made jobs ready. Returns at once.
    public func send(queue: String) {
        local.fire(queue)
        state.withLock { _ = $0.unsent.insert(queue) }
        hasUnsent.fire()
    }

    /// What a runner of `queue` waits on.
    func wakeup(for queue: String) -> Wakeup { local.wakeup(for: queue) }

    /// Wakes the runners of this process, and tells no other.
    func wake(_ queues: Set<String>) {
        for queue in queues { local.fire(queue) }
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
                }
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
                    _ = try await connection.pipeline(Self.notifying(queues))
                }
            } catch {
                // Nothing is lost: the others poll.
                logger.debug("jobs.notify_failed", metadata: ["error": "\(error)"])
            }
        }
    }
}

extension JobSignal {
    /// Stores jobs in a transaction of their own and tells of them in the same round trip: the server goes from the commit to
    /// the NOTIFY by itself. For programs whose jobs come one by one and stand alone; while one such NOTIFY is under way the
    /// others' queues are collected as with ``send(queue:)``.
    ///
    /// - Returns and throws: as ``JobQueue/enqueue(_:in:)``. Outside a transaction only.
    public func enqueue(_ jobs: [NewJob], on connection: isolated Connection) throws(PostgresError) -> [Enqueued] {
        let queues = Set(jobs.map(\.queue)).sorted()
        let goesAlong = state.withLock { state in
            defer { state.isPassengerUnderWay = true }
            return !state.isPassengerUnderWay
        }
        guard goesAlong else {
            let enqueued = try JobQueue.enqueue(jobs, in: connection)
            for queue in queues { send(queue: queue) }
            return enqueued
        }
        defer { state.withLock { $0.isPassengerUnderWay = false } }
        let enqueued = try JobQueue.enqueue(jobs, followedBy: Self.notifying(queues), in: connection)
        for queue in queues { local.fire(queue) }
        return enqueued
    }

    private static func notifying(_ queues: [String]) -> [(Statement, [Parameter])] {
        [(.notifyUnawaited, [.text(channel), .textArray(queues)])]
    }
}

/// The runners of this process, by queue.
private final class LocalWakeups: Sendable {
    private let wakeups = Mutex<[String: [Wakeup]]>([:])

    func wakeup(for queue: String) -> Wakeup {
        let wakeup = Wakeup()
        wakeups.withLock { $0[queue, default: []].append(wakeup) }
        return wakeup
    }

    func fire(_ queue: String) {
        for wakeup in wakeups.withLock({ $0[queue] ?? [] }) { wakeup.fire() }
    }

    func fireAll() {
        for wakeup in wakeups.withLock({ $0.values.flatMap(\.self) }) { wakeup.fire() }
    }
}

extension Statement {
    /// In a transaction of its own only. A NOTIFY is a commit like any other, and would wait for the disk with nothing in it that
    /// has to last.
    fileprivate static let notifyUnawaited = Statement(
        "jobs_notify_unawaited",
        """
        SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, queue) FROM unnest($2::text[]) AS ready (queue)
        """)
    /// Tells whoever listens on a channel of queues.
    static let notify = Statement(
        "jobs_notify", "SELECT pg_notify($1, queue) FROM unnest($2::text[]) AS ready (queue)")
}
