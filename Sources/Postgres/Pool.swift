import Logging
import ServiceLifecycle
import Synchronization

/// Connections shared by a program, in lanes that never lend to each other.
///
/// A connection is opened when it is first needed and belongs to one caller at a time; callers are served in the order in
/// which they came. One that broke is opened again for the next caller, with growing, random pauses while the server is away.
/// As a service it keeps the connections until shutdown and then closes them; put it before its users in a service group,
/// which stops services in reverse order.
public final class Pool: Service {
    private let settings: ConnectionSettings
    private let lanes: [Lane: SharedLane]
    private let logger: Logger

    /// - Parameter lanes: the number of connections in each.
    public init(_ settings: ConnectionSettings, lanes: [Lane: Int], logger: Logger) {
        self.settings = settings
        self.lanes = lanes.mapValues { SharedLane(LaneState(size: max(1, $0))) }
        self.logger = logger
    }

    /// Lends a connection of `lane` for the time of `body`.
    ///
    /// - Parameter wait: how long to wait for a connection to come free and, if need be, to be opened.
    /// - Parameter recall: for one who would keep the connection while it does nothing: called, from any thread, when others
    ///   wait for one of this lane. Whoever gave it also looks at ``isAwaited(_:)`` before each pause.
    /// - Throws: `poolTimeout` when none came free; `connection` when the server could not be reached in that time;
    ///   `cancelled` when the task was; what `body` throws.
    public func withConnection<T: Sendable>(
        _ lane: Lane, wait: Duration = .seconds(5), recall: (@Sendable () -> Void)? = nil,
        _ body: (Connection) async throws -> T
    ) async throws -> T {
        guard let state = lanes[lane] else {
            throw PostgresError(.invalidParameter, "the pool has no lane \(lane)")
        }
        let limit = ContinuousClock.now + wait
        var slot = try await checkOut(state, lane, until: limit)
        if let recall { state.withLock { [slot] in $0.lend(slot, recalledBy: recall) } }
        do {
            let connection = try await open(&slot, lane, until: limit)
            let value = try await body(connection)
            await giveBack(slot, to: state)
            return value
        } catch {
            await giveBack(slot, to: state)
            throw error
        }
    }

    /// ``Connection/transaction(_:deadline:_:)`` on a connection of `lane`.
    public func transaction<T: Sendable>(
        _ lane: Lane, wait: Duration = .seconds(5), isolation: Isolation = .readCommitted,
        deadline: Duration = .seconds(30), _ body: @Sendable (isolated Connection) throws -> T
    ) async throws -> T {
        try await withConnection(lane, wait: wait) { connection in
            try await connection.transaction(isolation, deadline: deadline, body)
        }
    }

    /// One statement on a connection of `lane`.
    public func query(
        _ lane: Lane, _ statement: Statement, _ parameters: [Parameter] = [], wait: Duration = .seconds(5),
        deadline: Duration = .seconds(30)
    ) async throws -> Rows {
        try await withConnection(lane, wait: wait) { connection in
            try await connection.query(statement, parameters, deadline: deadline)
        }
    }

    /// Whether somebody waits for a connection of `lane`.
    public func isAwaited(_ lane: Lane) -> Bool {
        lanes[lane]?.withLock { $0.waiting > 0 } ?? false
    }

    /// How busy each lane is now, by name: connections lent out, connections at most, callers that wait.
    public func gauge() -> [(lane: String, inUse: Int, size: Int, waiting: Int)] {
        lanes
            .map { lane, state in
                state.withLock { (lane: lane.name, inUse: $0.inUse, size: $0.size, waiting: $0.waiting) }
            }
            .sorted { $0.lane < $1.lane }
    }

    /// Keeps the connections until shutdown, then closes them.
    public func run() async throws {
        // Throws when the task is cancelled, which ends the pool as well.
        try? await gracefulShutdown()
        await close()
    }

    /// Refuses further callers and closes what is idle; what is lent out is closed when it comes back.
    public func close() async {
        for state in lanes.values {
            let (waiters, connections) = state.withLock { $0.close() }
            for waiter in waiters { waiter.resume(throwing: Self.closed) }
            for connection in connections { await connection.close() }
        }
    }

    private static let closed = PostgresError(.poolClosed, "the connection pool is shut down")
}

extension Pool {
    private func checkOut(
        _ state: SharedLane, _ lane: Lane, until limit: ContinuousClock.Instant
    ) async throws -> LaneState.Slot {
        if let slot = state.withLock({ $0.take() }) { return slot }
        let ticket = state.withLock { $0.newTicket() }
        // One timer for each caller that has to wait; it is cancelled with the scope.
        let timer = Task {
            try await Task.sleep(until: limit, clock: .continuous)
            state.withLock { $0.leave(ticket) }?.resume(
                throwing: PostgresError(
                    .poolTimeout, "no connection of lane \(lane) came free in time", isTransient: true))
        }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (queued, recalls) = state.withLock { state in
                    let queued = Task.isCancelled ? LaneState.Queued.cancelled : state.wait(ticket, continuation)
                    return (queued, Array(state.recalls.values))
                }
                switch queued {
                case .waiting: for recall in recalls { recall() }
                case .now(let slot): continuation.resume(returning: slot)
                case .closed: continuation.resume(throwing: Self.closed)
                case .cancelled: continuation.resume(throwing: Self.cancelled)
                }
            }
        } onCancel: {
            state.withLock { $0.leave(ticket) }?.resume(throwing: Self.cancelled)
        }
    }

    private static let cancelled = PostgresError(
        .cancelled, "the task was cancelled while it waited for a connection", isTransient: true)

    /// The slot's connection, opened if need be: again and again until `limit`, for a server that restarts.
    private func open(
        _ slot: inout LaneState.Slot, _ lane: Lane, until limit: ContinuousClock.Instant
    ) async throws -> Connection {
        if let connection = slot.connection {
            if connection.isQuiet { return connection }
            if await connection.probe() { return connection }
        }
        let connection = slot.connection ?? Connection(settings)
        slot.connection = connection
        while true {
            do throws(PostgresError) {
                try await connection.connect()
                slot.backoff.reset()
                return connection
            } catch {
                let pause = slot.backoff.next()
                logger.warning("database connection failed", metadata: ["lane": "\(lane)", "error": "\(error)"])
                guard error.isTransient, .now + pause < limit, !isClosed(lane) else { throw error }
                do { try await Task.sleep(for: pause) } catch { throw Self.cancelled }
            }
        }
    }

    private func isClosed(_ lane: Lane) -> Bool {
        lanes[lane]?.withLock { $0.isClosed } ?? true
    }

    private func giveBack(_ slot: LaneState.Slot, to state: SharedLane) async {
        // A transaction left open, by BEGIN through execute, must not reach the next caller.
        if let connection = slot.connection, !connection.isIdle { await connection.close() }
        switch state.withLock({ $0.giveBack(slot) }) {
        case .handOver(let waiter): waiter.resume(returning: slot)
        case .kept: break
        case .close: await slot.connection?.close()
        }
    }
}

/// A lane's state behind a lock that is never held across a wait.
private final class SharedLane: Sendable {
    private let state: Mutex<LaneState>

    init(_ state: sending LaneState) { self.state = Mutex(state) }

    func withLock<T>(_ body: (inout sending LaneState) -> sending T) -> sending T {
        state.withLock(body)
    }
}
