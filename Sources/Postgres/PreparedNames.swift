/// Which statements this session has prepared on its server, and under which names.
///
/// A statement is prepared once for each list of parameter types it is called with: NULL has no type of its own, so the
/// same text may need another plan when a value takes its place.
struct PreparedNames {
    private struct Key: Hashable {
        let statement: Statement
        let types: [UInt32]
    }

    private var names: [Key: String] = [:]
    private var texts: [String: String] = [:]
    private var count = 0

    /// The longest statement name: with `~` and a number it stays within the 63 bytes that PostgreSQL keeps.
    static let longestName = 56

    func name(of statement: Statement, types: [UInt32]) -> String? {
        names[Key(statement: statement, types: types)]
    }

    /// A name that this session has not used yet: the statement's own the first time.
    mutating func newName(for statement: Statement) throws(PostgresError) -> String {
        guard !statement.name.isEmpty, statement.name.utf8.count <= Self.longestName, !statement.name.utf8.contains(0)
        else {
            throw PostgresError(
                .invalidParameter, "a statement's name has 1 to \(Self.longestName) bytes", statement: statement.name)
        }
        guard let text = texts[statement.name] else {
            texts[statement.name] = statement.sql
            return statement.name
        }
        guard text == statement.sql else {
            throw PostgresError(
                .invalidParameter, "two different statements have the same name", statement: statement.name)
        }
        count += 1
        return "\(statement.name)~\(count)"
    }

    mutating func remember(_ name: String, for statement: Statement, types: [UInt32]) {
        names[Key(statement: statement, types: types)] = name
    }

    /// Forgets one plan, or with nil all of them, because the server no longer has or wants them. Names are not used again.
    mutating func forget(_ statement: Statement? = nil) {
        names = names.filter { key, _ in statement != nil && key.statement != statement }
    }
}
