import Logging
import Postgres

/// The database that is measured. All of its schema `settled` belongs to the measurement.
struct DatabaseUnderBench: Sendable {
    let settings: ConnectionSettings
    let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

    func prepare() async throws {
        try await Startup.migrate(settings)
    }

    /// Makes the program's tables anew, so that each measurement begins alike.
    func reset() async throws {
        try await withConnection {
            try await $0.execute("DROP SCHEMA IF EXISTS settled CASCADE", deadline: .seconds(120))
        }
        try await prepare()
    }

    /// Whether a commit is on disk, and what else a figure depends on, in the server's own words.
    func durability() async throws -> Durability {
        try await withConnection { connection in
            var settings: [Durability.Setting] = []
            for name in Durability.names {
                let row = try await connection.query(Self.setting, [.text(name)]).first
                settings.append(.init(name: name, value: try row?.textOrNil(0) ?? "?"))
            }
            return Durability(settings: settings)
        }
    }

    /// One number, such as a count.
    func number(_ statement: Statement) async throws -> Int64 {
        try await withConnection { try await $0.query(statement, deadline: .seconds(300)).first?.int8(0) ?? 0 }
    }

    /// When the transaction that wrote a row ended, as SQL on its alias: the commit's own time where the server keeps it
    /// (`track_commit_timestamp`), else `otherwise`.
    func commitTime(of row: String, otherwise: String) async throws -> (sql: String, isCommit: Bool) {
        try await number(Self.tracksCommits) == 1
            ? ("pg_xact_commit_timestamp(\(row).xmin)", true) : (otherwise, false)
    }

    /// Throws when the server has fewer than so many connections free.
    func demand(connections: Int) async throws {
        let free = try await withConnection { try await $0.query(Self.freeConnections).first?.int8(0) ?? 0 }
        guard free >= connections else {
            throw CommandFailure(
                "\(connections) connections are needed at once and the server has \(free) free: raise max_connections, "
                    + "or lower --clients", .tryLater)
        }
    }

    /// What the checkpoint of an earlier measurement would cost belongs to that one. Only a superuser, or who has
    /// pg_checkpoint, may ask for it; without, the figures are a little noisier.
    func settle() async throws {
        try await withConnection { connection in
            do {
                try await connection.execute("CHECKPOINT", deadline: .seconds(600))
            } catch let error as PostgresError where error.sqlState == "42501" {
                return
            }
        }
    }

    func withConnection<T: Sendable>(_ body: (Connection) async throws -> T) async throws -> T {
        let connection = Connection(settings)
        try await connection.connect()
        do {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    private static let setting = Statement("bench.setting", "SELECT current_setting($1, true)")
    private static let tracksCommits = Statement(
        "bench.tracks_commits", "SELECT (current_setting('track_commit_timestamp') = 'on')::int::int8")
    private static let freeConnections = Statement(
        "bench.free_connections",
        """
        SELECT current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8
               - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
        """)
}
