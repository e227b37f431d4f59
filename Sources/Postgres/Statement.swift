/// An SQL statement with a name: the name is the prepared statement's on the server and the label in metrics and errors.
///
/// Write it as a static constant beside its only caller. Two statements of one name must have one text; a connection
/// refuses the second text rather than run the wrong one. A name has at most 56 bytes (PostgreSQL keeps 63).
public struct Statement: Sendable, Hashable {
    public let name: String
    public let sql: String

    public init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// How a transaction sees the others, in PostgreSQL's words.
public enum Isolation: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
    /// One unchanging picture of the database for several reads; writing is refused by the server.
    case readOnlySnapshot = "REPEATABLE READ, READ ONLY"
}
