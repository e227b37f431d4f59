import CLibPQ
import Glibc
import Synchronization

/// One connection to PostgreSQL, pinned to its own thread.
///
/// From outside each call is awaited; inside a ``transaction(_:deadline:_:)`` the calls are synchronous, so that nothing
/// but the database can be waited for while a transaction is open. Calls of several tasks queue up behind each other.
///
/// Every call has a deadline. When it passes, the server is asked to cancel and has one second to say so; without an
/// answer the connection is closed. The cancellation of the calling *task* does not stop a statement: a commit that is
/// under way would be left in doubt for nothing. Who wants a statement stopped calls ``cancel()``.
public actor Connection {
    public nonisolated let settings: ConnectionSettings

    private let thread = ConnectionThread()
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    var session: Session?
    var prepared = PreparedNames()
    /// Bounds every statement of the transaction that is open.
    var transactionDeadline: ContinuousClock.Instant?

    /// The session's socket, -1 without one. libpq keeps it as long as the session lives.
    private nonisolated let socket = Atomic<Int32>(-1)
    private nonisolated let condition = Atomic<Condition>(.closed)
    private nonisolated let cancelKey = Mutex<CancelKey?>(nil)

    enum Condition: UInt8, AtomicRepresentable {
        case closed, idle, inTransaction
    }

    /// Nothing is opened yet: call ``connect()``, or make the connection through a ``Pool``.
    public init(_ settings: ConnectionSettings) {
        self.settings = settings
    }

    deinit {
        thread.stop()
    }

    /// Opens the connection, or opens it anew after it was lost. What was prepared or listened to before is gone.
    public func connect() throws(PostgresError) {
        close()
        let session = try Session.connect(settings)
        prepared = PreparedNames()
        self.session = session
        socket.store(PQsocket(session.handle), ordering: .releasing)
        cancelKey.withLock { $0 = CancelKey(session.handle) }
        noteCondition()
    }

    public func close() {
        socket.store(-1, ordering: .releasing)
        session = nil
        transactionDeadline = nil
        cancelKey.withLock { $0 = nil }
        noteCondition()
    }

    /// Whether the connection was good after the last call. Only the next call can tell whether it still is.
    public nonisolated var isUsable: Bool { condition.load(ordering: .acquiring) != .closed }

    /// Whether the next caller may have it: usable and not inside a transaction.
    nonisolated var isIdle: Bool { condition.load(ordering: .acquiring) == .idle }

    /// Whether nothing has come from the server since the last call, so that a ``probe()`` would find nothing either.
    ///
    /// It may be asked from any thread by the one caller that has the connection to itself, and spares that caller the way to
    /// the connection's thread and back. False also inside a transaction, and of a connection that is closed.
    public nonisolated var isQuiet: Bool {
        var descriptor = pollfd(fd: socket.load(ordering: .acquiring), events: Int16(POLLIN), revents: 0)
        return isIdle && descriptor.fd >= 0 && poll(&descriptor, 1, 0) == 0
    }

    /// Looks at the socket, without a round trip, whether the server has hung up since the last call.
    func probe() -> Bool {
        if session?.isAlive() != true { close() }
        return isIdle
    }

    /// Asks the server to cancel whatever it runs for this connection now; that call then fails with
    /// ``PostgresError/Code/cancelled``. The request travels on its own: one that arrives late may hit the next statement.
    public nonisolated func cancel() {
        cancelKey.withLock { $0 }?.send()
    }

    /// Runs one statement and returns its rows. It is prepared at its first use, unless the settings say otherwise.
    ///
    /// Outside a transaction it is committed when this returns; a commit that may not last is
    /// ``PostgresError/Code/commitInDoubt``.
    public func query(
        _ statement: Statement, _ parameters: [Parameter] = [], deadline: Duration = .seconds(30)
    ) throws(PostgresError) -> Rows {
        let encoded = try EncodedParameters(parameters, of: statement.name)
        let limit = limit(deadline)
        do throws(PostgresError) {
            return try run(statement, encoded, until: limit)
        } catch  where error.isStalePlan && isIdle {
            // A change of the schema, or a pooler between us and the server: prepare again and repeat, once.
            return try run(statement, encoded, until: limit)
        }
    }

    /// Runs one or several statements without parameters, in one implicit transaction unless they say otherwise.
    /// Rows are thrown away.
    public func execute(_ sql: String, deadline: Duration = .seconds(30)) throws(PostgresError) {
        try refuseNUL(sql)
        let session = try openSession()
        guard PQsendQuery(session.handle, sql) == 1 else { throw sendFailure(nil) }
        try finish(nil, until: limit(deadline))
    }

    private func run(
        _ statement: Statement, _ parameters: EncodedParameters, until limit: ContinuousClock.Instant
    ) throws(PostgresError) -> Rows {
        let session = try openSession()
        let sent: Int32
        if settings.preparesNames {
            let name = try preparedName(of: statement, parameters, until: limit)
            sent = parameters.withPointers { count, _, values, lengths, formats in
                PQsendQueryPrepared(session.handle, name, count, values, lengths, formats, 1)
            }
        } else {
            try refuseNUL(statement.sql)
            sent = parameters.withPointers { count, types, values, lengths, formats in
                PQsendQueryParams(session.handle, statement.sql, count, types, values, lengths, formats, 1)
            }
        }
        guard sent == 1 else { throw sendFailure(statement.name) }
        do throws(PostgresError) {
            let results = try finish(statement.name, until: limit)
            guard let last = results.last else {
                throw PostgresError(.protocolViolation, "the server sent no result", statement: statement.name)
            }
            return last
        } catch {
            forgetStalePlan(of: statement, error)
            throw error
        }
    }

    private func preparedName(
        of statement: Statement, _ parameters: EncodedParameters, until limit: ContinuousClock.Instant
    ) throws(PostgresError) -> String {
        if let name = prepared.name(of: statement, types: parameters.types) { return name }
        try refuseNUL(statement.sql)
        let session = try openSession()
        let name = try prepared.newName(for: statement)
        let sent = parameters.withPointers { count, types, _, _, _ in
            PQsendPrepare(session.handle, name, statement.sql, count, types)
        }
        guard sent == 1 else { throw sendFailure(statement.name) }
        try finish(statement.name, until: limit)
        prepared.remember(name, for: statement, types: parameters.types)
        return name
    }

    func forgetStalePlan(of statement: Statement, _ error: PostgresError) {
        if error.sqlState == "26000" {
            prepared.forget()
        } else if error.isStalePlan {
            prepared.forget(statement)
        }
    }
}

/// What the extensions in other files share.
extension Connection {
    func openSession() throws(PostgresError) -> Session {
        guard let session else {
            throw PostgresError(.connection, "the connection is closed", isTransient: true)
        }
        return session
    }

    func limit(_ deadline: Duration) -> ContinuousClock.Instant {
        let limit = ContinuousClock.now + deadline
        return transactionDeadline.map { min($0, limit) } ?? limit
    }

    func refuseNUL(_ sql: String) throws(PostgresError) {
        if sql.utf8.contains(0) { throw PostgresError(.invalidParameter, "a statement cannot have a NUL character") }
    }

    /// libpq refused to send: the connection was lost before, or a call does not fit its state.
    func sendFailure(_ statement: String?) -> PostgresError {
        let message = session?.lastMessage ?? "the connection is closed"
        if session?.isConnected != true { close() }
        return PostgresError(.connection, message, statement: statement, isTransient: true)
    }

    func noteCondition() {
        let now: Condition =
            if let session, session.isConnected {
                session.transactionStatus == PQTRANS_IDLE ? .idle : .inTransaction
            } else {
                .closed
            }
        condition.store(now, ordering: .releasing)
    }
}
