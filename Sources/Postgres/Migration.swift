/// One step of the schema: a file of SQL that is never edited once it was released.
public struct Migration: Sendable, Hashable {
    /// Counts from 1 without gaps.
    public let number: Int
    public let name: String
    public let sql: String

    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}

/// Where one migration stands in a database.
public struct MigrationStatus: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case applied(at: Timestamp)
        case pending
        /// Applied with another text than the program has now.
        case edited(at: Timestamp)
        /// Applied by a newer program; this one does not know it.
        case unknown(at: Timestamp)
    }

    public let number: Int
    public let name: String
    public let state: State
}
