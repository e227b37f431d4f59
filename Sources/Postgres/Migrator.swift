/// Brings a database to the schema that the program was built with.
///
/// What was applied is in `settled.schema_migrations`, with the SHA-256 of each text. Each migration is one transaction,
/// and an advisory lock lets one process at a time migrate; so a failed or killed migration leaves the one before.
/// It needs a direct connection: the lock belongs to the session, which a pooler in transaction mode does not keep.
public struct Migrator: Sendable {
    private let migrations: [Migration]

    public init(_ migrations: [Migration]) {
        self.migrations = migrations.sorted { $0.number < $1.number }
    }

    /// Every migration that the program or the database knows, by number. Changes nothing.
    public func status(on connection: Connection) async throws -> [MigrationStatus] {
        let migrations = migrations
        return try await connection.transaction(.readOnlySnapshot) { transaction in
            try statuses(of: migrations, in: transaction)
        }
    }

    /// The migrations that ``up(on:)`` would apply now. Changes nothing.
    ///
    /// - Throws: `migration` when program and database contradict each other.
    public func plan(on connection: Connection) async throws -> [Migration] {
        try pending(in: try await status(on: connection))
    }

    /// Applies what is missing and returns it. A second process waits until the first is done and finds nothing to do.
    public func up(on connection: Connection) async throws -> [Migration] {
        _ = try await connection.query(.lockMigrations, [], deadline: .seconds(600))
        do {
            let applied = try await applyPending(on: connection)
            _ = try await connection.query(.unlockMigrations)
            return applied
        } catch {
            // The lock goes with the session, whatever state that is in.
            await connection.close()
            throw error
        }
    }

    private func applyPending(on connection: Connection) async throws -> [Migration] {
        let pending = try await plan(on: connection)
        for migration in pending {
            do {
                try await connection.transaction(deadline: .seconds(3_600)) { transaction in
                    try transaction.execute(Self.table, deadline: .seconds(60))
                    try transaction.execute(migration.sql, deadline: .seconds(3_600))
                    _ = try transaction.query(
                        .recordMigration,
                        [.int4(Int32(clamping: migration.number)), .text(migration.name), .text(migration.sql)])
                }
            } catch var error as PostgresError {
                error.message = "migration \(migration.number) \(migration.name) was rolled back: \(error.message)"
                throw error
            }
        }
        return pending
    }

    private func pending(in statuses: [MigrationStatus]) throws(PostgresError) -> [Migration] {
        for status in statuses {
            switch status.state {
            case .edited:
                throw PostgresError(
                    .migration,
                    "migration \(status.number) \(status.name) was edited after it was applied; restore its text "
                        + "and put the change into a new migration")
            case .unknown:
                throw PostgresError(
                    .migration,
                    "the database has migration \(status.number) \(status.name), which this program does not know; "
                        + "run a program at least as new as the database")
            case .applied, .pending: continue
            }
        }
        let waiting = Set(statuses.filter { $0.state == .pending }.map(\.number))
        return migrations.filter { waiting.contains($0.number) }
    }

    /// Before the first migration neither the schema nor the table is there.
    static let table = """
        CREATE SCHEMA IF NOT EXISTS settled;
        CREATE TABLE IF NOT EXISTS settled.schema_migrations (
            number      int         PRIMARY KEY CHECK (number > 0),
            name        text        NOT NULL,
            sha256      text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
            applied_at  timestamptz NOT NULL DEFAULT now()
        );
        """
}

private func statuses(
    of migrations: [Migration], in transaction: isolated Connection
) throws(PostgresError) -> [MigrationStatus] {
    let exists = try transaction.query(.migrationTableExists)
    var recorded: [Int: (name: String, sha256: String, at: Timestamp)] = [:]
    if try exists.first?.bool(0) == true {
        for row in try transaction.query(.recordedMigrations) {
            recorded[Int(try row.int4("number"))] = (
                try row.text("name"), try row.text("sha256"), try row.timestamptz("applied_at")
            )
        }
    }
    let sums = try transaction.query(.checksums, [.textArray(migrations.map(\.sql))])
    var statuses: [MigrationStatus] = []
    for (migration, sum) in zip(migrations, sums) {
        let state: MigrationStatus.State =
            if let known = recorded.removeValue(forKey: migration.number) {
                known.sha256 == (try sum.text(0)) ? .applied(at: known.at) : .edited(at: known.at)
            } else {
                .pending
            }
        statuses.append(MigrationStatus(number: migration.number, name: migration.name, state: state))
    }
    for (number, known) in recorded {
        statuses.append(MigrationStatus(number: number, name: known.name, state: .unknown(at: known.at)))
    }
    return statuses.sorted { $0.number < $1.number }
}

extension Statement {
    /// The number is any number that no other program's lock in the same database is likely to have.
    fileprivate static let lockMigrations = Statement("migrations_lock", "SELECT pg_advisory_lock(7305808868)")
    fileprivate static let unlockMigrations = Statement("migrations_unlock", "SELECT pg_advisory_unlock(7305808868)")
    fileprivate static let migrationTableExists = Statement(
        "migrations_exist", "SELECT to_regclass('settled.schema_migrations') IS NOT NULL")
    fileprivate static let recordedMigrations = Statement(
        "migrations_recorded", "SELECT number, name, sha256, applied_at FROM settled.schema_migrations")
    fileprivate static let checksums = Statement(
        "migrations_checksums",
        """
        SELECT encode(sha256(convert_to(text, 'UTF8')), 'hex')
        FROM unnest($1::text[]) WITH ORDINALITY AS migration (text, place) ORDER BY place
        """)
    fileprivate static let recordMigration = Statement(
        "migrations_record",
        """
        INSERT INTO settled.schema_migrations (number, name, sha256)
        VALUES ($1, $2, encode(sha256(convert_to($3::text, 'UTF8')), 'hex'))
        """)
}
