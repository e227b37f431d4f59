import CLibPQ
import Glibc

extension Connection {
    /// Sends rows in bulk: `sql` is a `COPY … FROM STDIN`, the chunks are its data in the form that it names.
    ///
    /// Chunks need not end where rows end. Outside a transaction it is committed when this returns.
    ///
    /// - Returns: the number of rows that the server took.
    public func copyIn(
        _ sql: String, _ chunks: some Sequence<[UInt8]> & Sendable, deadline: Duration = .seconds(30)
    ) throws(PostgresError) -> Int {
        try refuseNUL(sql)
        let session = try openSession()
        let limit = limit(deadline)
        defer { noteCondition() }
        guard PQsendQuery(session.handle, sql) == 1 else { throw sendFailure("COPY") }
        if let refusal = try openCopy(session, until: limit) {
            // Nothing is left to read behind an error but the end.
            try finish("COPY", until: limit)
            throw refusal
        }
        do throws(Session.Failure) {
            for chunk in chunks where !chunk.isEmpty {
                guard let count = Int32(exactly: chunk.count) else { throw .misused("a chunk of COPY has over 2 GiB") }
                try write(session, until: limit) {
                    chunk.withUnsafeBytes { bytes in
                        PQputCopyData(
                            session.handle, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), count)
                    }
                }
            }
            try write(session, until: limit) { PQputCopyEnd(session.handle, nil) }
        } catch {
            // Closing is what ends a COPY for certain: the server throws the rows away.
            close()
            throw lossOrTimeout(error, "COPY")
        }
        return try finish("COPY", until: limit).last?.affected ?? 0
    }

    /// - Returns: nil when the server waits for data, else why it does not.
    private func openCopy(
        _ session: Session, until limit: ContinuousClock.Instant
    ) throws(PostgresError) -> PostgresError? {
        let result: OpaquePointer?
        do throws(Session.Failure) {
            result = try session.nextResult(until: limit)
        } catch {
            close()
            throw lossOrTimeout(error, "COPY")
        }
        guard let result else {
            return PostgresError(.protocolViolation, "the server sent no result", statement: "COPY")
        }
        defer { PQclear(result) }
        if PQresultStatus(result) == PGRES_COPY_IN { return nil }
        if isFailure(result) { return PostgresError(result: result, statement: "COPY") }
        return PostgresError(.protocolViolation, "copyIn takes a COPY … FROM STDIN and nothing else", statement: "COPY")
    }

    /// Repeats `put` until libpq had room for it: it answers 1 when it took the data, 0 when its buffer must empty first.
    private func write(
        _ session: Session, until limit: ContinuousClock.Instant, _ put: () -> Int32
    ) throws(Session.Failure) {
        while true {
            switch put() {
            case 1:
                return try session.flush(until: limit)
            case 0:
                try session.wait(for: POLLOUT, until: limit)
            default:
                throw .lost(session.lastMessage)
            }
        }
    }
}
