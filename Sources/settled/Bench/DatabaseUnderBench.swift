import Logging
import Postgres

/// The server that is measured, and the settings without which a figure means nothing.
struct DatabaseUnderBench: Sendable {
    let settings: ConnectionSettings
    let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

    func prepare() async throws {
        try await Startup.migrate(settings)
    }

    /// Whether a commit is on disk, in the server's own words.
    func durability() async throws -> String {
        try await withConnection { connection in
            var words: [String] = []
            for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"] {
                let row = try await connection.query(
                    Statement("bench.setting", "SELECT current_setting($1)"), [.text(name)]
                ).first
                words.append("\(name)=\(try row?.text(0) ?? "?")")
            }
            return words.joined(separator: " ")
        }
    }

    /// Empties what earlier rounds wrote, so that each begins alike.
    func clear() async throws {
        try await withConnection { connection in
            try await connection.execute(
                """
                TRUNCATE settled.jobs, settled.job_history, settled.job_attempts, settled.deliveries,
                         settled.notification_keys
                """)
            try await connection.execute("CHECKPOINT")
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
}
