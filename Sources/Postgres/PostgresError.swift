import CLibPQ

/// What went wrong between us and PostgreSQL, in one sentence.
///
/// ``description`` shows neither SQL nor data: the server's DETAIL quotes values, so it is in ``debugDescription`` only.
public struct PostgresError: Error, Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    /// A kind of failure. A struct, so that kinds can be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String

        /// The server could not be reached, or the connection was lost. A statement outside a transaction that was
        /// under way may or may not have taken effect; one inside a transaction has not.
        public static let connection = Code(description: "connection")
        /// The deadline passed. Inside a transaction nothing was written. Outside, nothing was written if the server
        /// confirmed the cancellation (``PostgresError/sqlState`` is 57014); without its answer the effect is unknown.
        public static let timeout = Code(description: "timeout")
        /// The statement was cancelled by somebody, or the caller's task was while it waited for the pool.
        public static let cancelled = Code(description: "cancelled")
        /// The server refused; ``PostgresError/sqlState`` says why.
        public static let server = Code(description: "server")
        /// The conversation is not in the state that the call needs.
        public static let protocolViolation = Code(description: "protocol_violation")
        /// A result does not have the asked column, type or value.
        public static let decoding = Code(description: "decoding")
        /// A parameter, statement or conninfo that cannot be sent.
        public static let invalidParameter = Code(description: "invalid_parameter")
        /// No connection of the lane came free in time.
        public static let poolTimeout = Code(description: "pool_timeout")
        /// The pool is shut down.
        public static let poolClosed = Code(description: "pool_closed")
        /// A COMMIT was sent and it is not known whether it lasts. It must not be reported as done; repeating is
        /// right only for work that is safe to repeat.
        public static let commitInDoubt = Code(description: "commit_in_doubt")
        /// COMMIT became ROLLBACK because a statement before it had failed and its error was swallowed.
        public static let transactionAborted = Code(description: "transaction_aborted")
        /// The migrations in the program and in the database contradict each other.
        public static let migration = Code(description: "migration")
    }

    public var code: Code
    /// The five characters of PostgreSQL's appendix A, if the server spoke.
    public var sqlState: String?
    public var message: String
    /// The server's DETAIL, and its message where that quotes values. Not for logs.
    public var detail: String?
    public var hint: String?
    /// The violated constraint's name.
    public var constraint: String?
    /// The name of the statement, never its text.
    public var statement: String?
    /// Whether the same call, or the whole transaction, may succeed when it is repeated.
    public var isTransient: Bool
    /// Whether the server refused a cached plan, which it says only in a translated message and by who speaks.
    var isPlanRefusal = false

    public init(
        _ code: Code, _ message: String, sqlState: String? = nil, detail: String? = nil, hint: String? = nil,
        constraint: String? = nil, statement: String? = nil, isTransient: Bool = false
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.statement = statement
        self.isTransient = isTransient
    }

    public var description: String {
        var text = message
        if let sqlState { text += " (SQLSTATE \(sqlState))" }
        if let statement { text += ", in statement \(statement)" }
        return text
    }

    public var debugDescription: String {
        var text = "\(code): \(description)"
        if let constraint { text += "; constraint \(constraint)" }
        if let detail { text += "; detail: \(detail)" }
        if let hint { text += "; hint: \(hint)" }
        return text
    }
}

extension PostgresError {
    /// The server's own error.
    init(result: OpaquePointer, statement: String?) {
        let state = diagnostic(SETTLED_DIAG_SQLSTATE, of: result)
        let isLost = state == nil
        let told = oneLine(
            diagnostic(SETTLED_DIAG_MESSAGE_PRIMARY, of: result) ?? String(cString: PQresultErrorMessage(result)))
        let message = PostgresError.withoutData(told, sqlState: state ?? "")
        let details = [message == told ? nil : told, diagnostic(SETTLED_DIAG_MESSAGE_DETAIL, of: result)]
            .compactMap { $0 }
        self.init(
            isLost ? .connection : state == "57014" ? .cancelled : .server,
            message,
            sqlState: state,
            detail: details.isEmpty ? nil : details.joined(separator: "; "),
            hint: diagnostic(SETTLED_DIAG_MESSAGE_HINT, of: result),
            constraint: diagnostic(SETTLED_DIAG_CONSTRAINT_NAME, of: result),
            statement: statement,
            isTransient: isLost || PostgresError.isTransient(sqlState: state ?? ""))
        isPlanRefusal = diagnostic(SETTLED_DIAG_SOURCE_FUNCTION, of: result) == "RevalidateCachedQuery"
    }

    /// What is wrong with a value (class 22) or the SQL (class 42, syntax) is said by quoting it. The part before the first
    /// quotation names the kind; the whole goes where data may be shown.
    static func withoutData(_ message: String, sqlState: String) -> String {
        guard sqlState.hasPrefix("22") || sqlState == "42601" else { return message }
        let kind = message.prefix { !":\"«„“".contains($0) }
        return kind.allSatisfy(\.isWhitespace) ? message : oneLine(String(kind))
    }

    /// Whether a repetition may succeed, by PostgreSQL's appendix A.
    static func isTransient(sqlState: String) -> Bool {
        switch sqlState {
        case "40001", "40P01": true  // serialization failure, deadlock
        case "55P03": true  // lock not available
        case "25006": true  // read only: the server is a standby now, the next connection finds the primary
        case "57014": true  // cancelled
        default:
            sqlState.hasPrefix("08")  // connection
                || sqlState.hasPrefix("53")  // disk, memory, connections used up
                || sqlState.hasPrefix("57P0")  // shutting down, starting, crashed
        }
    }
}

/// libpq's messages have several lines; ours have one.
func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline)
        .map { line in
            var line = line
            while let first = line.first, first.isWhitespace { line.removeFirst() }
            while let last = line.last, last.isWhitespace { line.removeLast() }
            return String(line)
        }
        .joined(separator: "; ")
}
