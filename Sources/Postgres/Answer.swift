import CLibPQ

/// Waiting for the server's answer to what was sent, and judging it.
extension Connection {
    /// Collects the results of one exchange until the server is ready again.
    ///
    /// - Throws: the first error among them; `timeout` when `limit` passes; `commitInDoubt` when the server warns that
    ///   what it committed by itself may not last.
    @discardableResult
    func finish(_ statement: String?, until limit: ContinuousClock.Instant) throws(PostgresError) -> [Rows] {
        let session = try openSession()
        defer { noteCondition() }
        var results: [OpaquePointer] = []
        var isExpired = false
        do throws(Session.Failure) {
            isExpired = try collect(&results, from: session, until: limit)
        } catch {
            results.forEach(PQclear)
            close()
            throw lossOrTimeout(error, statement)
        }
        let notices = session.drainNotices()
        let failures = results.filter(isFailure).map { PostgresError(result: $0, statement: statement) }
        if var failure = failures.first {
            results.forEach(PQclear)
            failure.isTransient = failure.isTransient || failure.isStalePlan
            if !session.isConnected { close() }
            if isExpired && failure.sqlState == "57014" { failure = timeout(statement, state: "57014") }
            throw failure
        }
        let rows = results.map { Rows($0, notices: notices) }
        try refuseAbandonedReplication(notices, statement)
        if !session.isConnected { close() }
        return rows
    }

    /// - Returns: whether the deadline passed, and the server answered after it was asked to cancel.
    private func collect(
        _ results: inout [OpaquePointer], from session: Session, until limit: ContinuousClock.Instant
    ) throws(Session.Failure) -> Bool {
        do throws(Session.Failure) {
            try drain(&results, from: session, until: limit)
            return false
        } catch .expired {
            cancel()
            // The statement may have finished in the same moment: then its result stands.
            try drain(&results, from: session, until: .now + .seconds(1))
            return true
        }
    }

    private func drain(
        _ results: inout [OpaquePointer], from session: Session, until limit: ContinuousClock.Instant
    ) throws(Session.Failure) {
        while let result = try session.nextResult(until: limit) {
            switch PQresultStatus(result) {
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                PQclear(result)
                throw .misused("COPY is not possible here; use copyIn")
            default:
                results.append(result)
            }
        }
    }

    /// A statement or pipeline outside a transaction commits itself, so its notices are a commit's.
    func refuseAbandonedReplication(_ notices: [Notice], _ statement: String?) throws(PostgresError) {
        guard session?.transactionStatus == PQTRANS_IDLE,
            let warning = notices.first(where: \.isAbandonedReplication)
        else { return }
        close()
        throw inDoubt("the server warned: \(warning.message)", statement, state: warning.sqlState)
    }

    func isFailure(_ result: OpaquePointer) -> Bool {
        let status = PQresultStatus(result)
        return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED
    }

    func lossOrTimeout(_ failure: Session.Failure, _ statement: String?) -> PostgresError {
        switch failure {
        case .expired: timeout(statement, state: nil)
        case .misused(let reason): PostgresError(.protocolViolation, reason, statement: statement)
        case .lost(let reason):
            PostgresError(
                .connection, "the connection to PostgreSQL was lost: \(reason)", statement: statement, isTransient: true
            )
        }
    }

    func timeout(_ statement: String?, state: String?) -> PostgresError {
        PostgresError(
            .timeout,
            state == nil
                ? "no answer before the deadline; the connection was closed"
                : "not done before the deadline; cancelled",
            sqlState: state, statement: statement, isTransient: true)
    }

    /// Transient, because it says nothing against the work itself; but only work that is safe to repeat may be.
    func inDoubt(_ reason: String, _ statement: String?, state: String? = nil) -> PostgresError {
        PostgresError(
            .commitInDoubt, "the commit may not last: \(reason)", sqlState: state, statement: statement,
            isTransient: true)
    }
}

extension PostgresError {
    /// The server does not know the prepared statement, or its plan no longer fits the schema.
    var isStalePlan: Bool { sqlState == "26000" || sqlState == "0A000" && isPlanRefusal }
}
