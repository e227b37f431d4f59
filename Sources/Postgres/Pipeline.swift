import CLibPQ

extension Connection {
    /// Runs several statements in one round trip, and outside a transaction also in one: all of them or none.
    ///
    /// - Returns: the rows of each call, in their order.
    /// - Throws: the first failing call's error; the calls after it were not run. Outside a transaction a connection that
    ///   is lost while the answer is awaited is `commitInDoubt`, for the commit was already on its way.
    public func pipeline(
        _ calls: [(Statement, [Parameter])], deadline: Duration = .seconds(30)
    ) throws(PostgresError) -> [Rows] {
        if calls.isEmpty { return [] }
        let limit = limit(deadline)
        let pipeline = try encoded(calls)
        do throws(PostgresError) {
            return try run(pipeline, until: limit)
        } catch  where error.isStalePlan && isIdle {
            return try run(pipeline, until: limit)
        }
    }

    /// Runs one statement, which commits itself, and behind it `followers` in a transaction of their own, all in one round
    /// trip: the server goes from the one to the other without waiting for us.
    ///
    /// The followers are run whatever becomes of the statement, and nothing is told of what becomes of them; a statement that
    /// was repeated because its plan was stale has had them run twice. They are for what may as well be missing.
    ///
    /// Without followers it is ``query(_:_:deadline:)``, in a transaction or outside one.
    /// - Throws: as ``query(_:_:deadline:)``; `protocolViolation` inside a transaction, whose commit they would not follow.
    public func query(
        _ statement: Statement, _ parameters: [Parameter], followedBy followers: [(Statement, [Parameter])],
        deadline: Duration = .seconds(30)
    ) throws(PostgresError) -> Rows {
        if followers.isEmpty { return try query(statement, parameters, deadline: deadline) }
        guard try openSession().transactionStatus == PQTRANS_IDLE else {
            throw PostgresError(
                .protocolViolation, "statements cannot follow a commit inside a transaction", statement: statement.name)
        }
        let limit = limit(deadline)
        let (calls, followers) = (try encoded([(statement, parameters)]), try encoded(followers))
        let rows: [Rows]
        do throws(PostgresError) {
            rows = try run(calls, followedBy: followers, until: limit)
        } catch  where error.isStalePlan && isIdle {
            rows = try run(calls, followedBy: followers, until: limit)
        }
        guard let rows = rows.first else {
            throw PostgresError(.protocolViolation, "the server sent no result", statement: statement.name)
        }
        return rows
    }

    private func encoded(_ calls: [(Statement, [Parameter])]) throws(PostgresError) -> [PipelinedCall] {
        var pipeline: [PipelinedCall] = []
        for (statement, parameters) in calls {
            try refuseNUL(statement.sql)
            let encoded = try EncodedParameters(parameters, of: statement.name)
            pipeline.append(PipelinedCall(statement: statement, parameters: encoded))
        }
        return pipeline
    }

    private func run(
        _ calls: [PipelinedCall], followedBy followers: [PipelinedCall] = [], until limit: ContinuousClock.Instant
    ) throws(PostgresError) -> [Rows] {
        let session = try openSession()
        let commitsItself = session.transactionStatus == PQTRANS_IDLE
        defer { noteCondition() }
        var exchange = PipelineExchange()
        var following = PipelineExchange()
        defer {
            exchange.clear()
            following.clear()
        }
        do throws(PostgresError) {
            guard PQenterPipelineMode(session.handle) == 1 else { throw sendFailure(nil) }
            for call in calls { try send(call, on: session, &exchange) }
            guard PQpipelineSync(session.handle) == 1 else { throw sendFailure(nil) }
        } catch {
            // Half a pipeline was queued: the server must never see its end.
            close()
            throw error
        }
        let isExpired: Bool
        var areFollowersLost = false
        do throws(Session.Failure) {
            if !followers.isEmpty {
                areFollowersLost = !sendFollowers(followers, on: session, &following)
            }
            isExpired = try receive(&exchange, from: session, until: limit)
            if followers.isEmpty { try session.leavePipelineMode() }
        } catch {
            close()
            let failure = lossOrTimeout(error, nil)
            throw commitsItself ? inDoubt(failure.message, nil) : failure
        }
        let notices = session.drainNotices()
        defer { if areFollowersLost { close() } }
        if !followers.isEmpty {
            // What the statement became is known by now, whatever happens here.
            areFollowersLost = areFollowersLost || !receiveFollowers(&following, from: session, until: limit)
            if let warning = notices.first(where: \.isAbandonedReplication) {
                close()
                throw inDoubt("the server warned: \(warning.message)", nil, state: warning.sqlState)
            }
        }
        forgetUnprepared(exchange)
        guard let failed = exchange.failed else {
            try refuseAbandonedReplication(notices, nil)
            return exchange.takeRows(notices)
        }
        var failure = PostgresError(result: failed.result, statement: failed.statement.name)
        forgetStalePlan(of: failed.statement, failure)
        failure.isTransient = failure.isTransient || failure.isStalePlan
        if isExpired && failure.sqlState == "57014" { failure = timeout(failed.statement.name, state: "57014") }
        throw failure
    }

    private func send(
        _ call: PipelinedCall, on session: Session, _ exchange: inout PipelineExchange
    ) throws(PostgresError) {
        let (statement, types) = (call.statement, call.parameters.types)
        var name = prepared.name(of: statement, types: types)
        if settings.preparesNames && name == nil {
            let new = try prepared.newName(for: statement)
            let sent = call.parameters.withPointers { count, types, _, _, _ in
                PQsendPrepare(session.handle, new, statement.sql, count, types)
            }
            guard sent == 1 else { throw sendFailure(statement.name) }
            exchange.expect(.preparation, of: call)
            // A later call of the same pipeline uses it; it is forgotten again if the server does not get that far.
            prepared.remember(new, for: statement, types: types)
            name = new
        }
        let sent = call.parameters.withPointers { count, types, values, lengths, formats in
            if let name {
                PQsendQueryPrepared(session.handle, name, count, values, lengths, formats, 1)
            } else {
                PQsendQueryParams(session.handle, statement.sql, count, types, values, lengths, formats, 1)
            }
        }
        guard sent == 1 else { throw sendFailure(statement.name) }
        exchange.expect(.rows, of: call)
    }

    /// - Returns: whether the deadline passed, and the server answered after it was asked to cancel.
    private func receive(
        _ exchange: inout PipelineExchange, from session: Session, until limit: ContinuousClock.Instant
    ) throws(Session.Failure) -> Bool {
        do throws(Session.Failure) {
            try drain(&exchange, from: session, until: limit)
            return false
        } catch .expired {
            cancel()
            try drain(&exchange, from: session, until: .now + .seconds(1))
            return true
        }
    }

    /// Reads one result for each expected answer (libpq puts a nil behind each), then the end of the pipeline.
    private func drain(
        _ exchange: inout PipelineExchange, from session: Session, until limit: ContinuousClock.Instant
    ) throws(Session.Failure) {
        while !exchange.isComplete {
            guard let result = try session.nextResult(until: limit) else {
                if exchange.isBetweenAnswers || !session.isConnected { throw .lost(session.lastMessage) }
                exchange.endAnswer()
                continue
            }
            exchange.take(result)
        }
    }

    /// - Returns: whether they are on their way, and their answers can be waited for.
    private func sendFollowers(
        _ followers: [PipelinedCall], on session: Session, _ exchange: inout PipelineExchange
    ) -> Bool {
        do throws(PostgresError) {
            for follower in followers { try send(follower, on: session, &exchange) }
            return PQpipelineSync(session.handle) == 1
        } catch {
            return false
        }
    }

    /// - Returns: whether the connection is good for the next call.
    private func receiveFollowers(
        _ exchange: inout PipelineExchange, from session: Session, until limit: ContinuousClock.Instant
    ) -> Bool {
        do throws(Session.Failure) {
            _ = try receive(&exchange, from: session, until: limit)
            try session.leavePipelineMode()
        } catch {
            return false
        }
        forgetUnprepared(exchange)
        _ = session.drainNotices()
        if let failed = exchange.failed {
            forgetStalePlan(
                of: failed.statement, PostgresError(result: failed.result, statement: failed.statement.name))
        }
        return true
    }

    private func forgetUnprepared(_ exchange: PipelineExchange) {
        for call in exchange.unprepared {
            prepared.forget(call.statement)
        }
    }
}

extension Session {
    fileprivate func leavePipelineMode() throws(Failure) {
        guard isConnected, PQexitPipelineMode(handle) == 1 else { throw .lost(lastMessage) }
    }
}

struct PipelinedCall {
    let statement: Statement
    let parameters: EncodedParameters
}

/// The answers that a pipeline waits for, and those that have come.
private struct PipelineExchange {
    enum Kind { case preparation, rows }

    private var expected: [(kind: Kind, call: PipelinedCall)] = []
    private var results: [OpaquePointer] = []
    private(set) var isBetweenAnswers = true
    private(set) var isComplete = false

    mutating func expect(_ kind: Kind, of call: PipelinedCall) {
        expected.append((kind, call))
    }

    mutating func take(_ result: OpaquePointer) {
        if PQresultStatus(result) == PGRES_PIPELINE_SYNC {
            PQclear(result)
            isComplete = true
        } else if isBetweenAnswers && results.count < expected.count {
            results.append(result)
            isBetweenAnswers = false
        } else {
            PQclear(result)
        }
    }

    mutating func endAnswer() { isBetweenAnswers = true }

    private func isGood(_ result: OpaquePointer) -> Bool {
        let status = PQresultStatus(result)
        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY
    }

    /// The call that failed first; those behind it were skipped.
    var failed: (statement: Statement, result: OpaquePointer)? {
        for (result, expected) in zip(results, expected) where !isGood(result) {
            return (expected.call.statement, result)
        }
        return nil
    }

    var unprepared: [PipelinedCall] {
        expected.enumerated()
            .filter { index, expected in
                expected.kind == .preparation && !(index < results.count && isGood(results[index]))
            }
            .map(\.element.call)
    }

    /// Hands the results of the calls over to their rows.
    mutating func takeRows(_ notices: [Notice]) -> [Rows] {
        var rows: [Rows] = []
        for (result, expected) in zip(results, expected) {
            switch expected.kind {
            case .preparation: PQclear(result)
            case .rows: rows.append(Rows(result, notices: notices))
            }
        }
        results = []
        return rows
    }

    mutating func clear() {
        results.forEach(PQclear)
        results = []
    }
}
