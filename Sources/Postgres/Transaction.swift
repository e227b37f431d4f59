import CLibPQ

extension Connection {
    /// Runs `body` in a transaction: COMMIT when it returns, ROLLBACK when it throws.
    ///
    /// The body is synchronous on purpose: while a transaction is open nothing can be waited for but the database. It must
    /// not send BEGIN, COMMIT or ROLLBACK itself; savepoints are fine. Transactions do not nest.
    ///
    /// - Parameter deadline: for the whole transaction, BEGIN to COMMIT; each statement has its own besides.
    /// - Throws: what `body` throws; `commitInDoubt` when a COMMIT was sent and its answer is missing, fatal or comes with
    ///   a warning. The connection is closed then, without cancelling: a wait for the standby that is cancelled is
    ///   reported as done. `transactionAborted` when `body` swallowed a failed statement's error.
    public func transaction<T: Sendable>(
        _ isolation: Isolation = .readCommitted, deadline: Duration = .seconds(30),
        _ body: @Sendable (isolated Connection) throws -> T
    ) throws -> T {
        guard try openSession().transactionStatus == PQTRANS_IDLE else {
            throw PostgresError(.protocolViolation, "a transaction is open already")
        }
        let limit = ContinuousClock.now + deadline
        transactionDeadline = limit
        defer { transactionDeadline = nil }
        try execute("BEGIN ISOLATION LEVEL \(isolation.rawValue)")
        let value: T
        do {
            value = try body(self)
        } catch {
            rollback()
            throw error
        }
        try commit(until: limit)
        return value
    }

    /// Nothing is lost when it fails: the connection is closed then, and the server rolls back by itself.
    private func rollback() {
        guard session != nil else { return }
        // The transaction's own deadline may be the reason for being here.
        transactionDeadline = nil
        do {
            try execute("ROLLBACK", deadline: .seconds(5))
        } catch {
            close()
        }
    }

    private func commit(until limit: ContinuousClock.Instant) throws(PostgresError) {
        let session = try openSession()
        switch session.transactionStatus {
        case PQTRANS_INTRANS: break
        case PQTRANS_INERROR:
            rollback()
            throw PostgresError(
                .transactionAborted, "a statement of the transaction failed and its error was swallowed; rolled back")
        default:
            close()
            throw PostgresError(.protocolViolation, "the transaction was ended inside its own body")
        }
        guard PQsendQuery(session.handle, "COMMIT") == 1 else { throw sendFailure("COMMIT") }
        defer { noteCondition() }
        let result: OpaquePointer
        do throws(Session.Failure) {
            guard let first = try session.nextResult(until: limit) else { throw Session.Failure.lost("no answer") }
            result = first
            while let next = try session.nextResult(until: limit) { PQclear(next) }
        } catch {
            close()
            throw inDoubt(lossOrTimeout(error, nil).message, "COMMIT")
        }
        defer { PQclear(result) }
        try judge(result, session)
    }

    private func judge(_ result: OpaquePointer, _ session: Session) throws(PostgresError) {
        let warning = session.drainNotices().first(where: \.isWarning)
        let tag = String(cString: PQcmdStatus(result))
        if isFailure(result) {
            let failure = PostgresError(result: result, statement: "COMMIT")
            // An ERROR (a deferred constraint, a serialization failure) is a certain no. FATAL may come after the commit.
            let isCertain = diagnostic(SETTLED_DIAG_SEVERITY, of: result) == "ERROR"
            if isCertain && session.isConnected { throw failure }
            close()
            throw inDoubt(failure.message, "COMMIT", state: failure.sqlState)
        }
        if let warning {
            close()
            throw inDoubt("the server warned: \(warning.message)", "COMMIT", state: warning.sqlState)
        }
        guard tag == "COMMIT" else {
            throw PostgresError(
                .transactionAborted, "the server answered COMMIT with \(tag); nothing was written", statement: "COMMIT")
        }
    }
}
