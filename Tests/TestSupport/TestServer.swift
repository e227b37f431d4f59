import Logging
import Postgres
import Sandbox
import Schema

/// The embedded server of this test process.
///
/// Nobody stops it: when the process ends, in whatever way, the pipe to the server's guard closes.
actor TestServer {
    static let shared = TestServer()

    private struct Running {
        let server: EmbeddedPostgres
        /// Creates and drops databases, a few at a time.
        let administration: Pool
    }

    private static let template = "settled_template"
    private var running: Task<Running, any Error>?
    private var count = 0

    func createDatabase() async throws -> TestDatabase {
        let running = try await start()
        count += 1
        let name = "test_\(count)"
        try await administrate("CREATE DATABASE \(name) TEMPLATE \(Self.template)")
        return TestDatabase(name: name, settings: running.server.settings(database: name))
    }

    func drop(_ database: TestDatabase) async throws {
        try await administrate("DROP DATABASE \(database.name) WITH (FORCE)")
    }

    /// All tests begin together, so the last of them waits for a database until the others have theirs.
    private func administrate(_ sql: String) async throws {
        try await start().administration.withConnection("administration", wait: .seconds(300)) { connection in
            try await connection.execute(sql)
        }
    }

    private func start() async throws -> Running {
        if let running { return try await running.value }
        let starting = Task { try await Self.boot() }
        running = starting
        return try await starting.value
    }

    private static func boot() async throws -> Running {
        let server = try await EmbeddedPostgres.start(.init(isDurable: false))
        let administrator = Connection(server.settings())
        try await administrator.connect()
        try await administrator.execute("CREATE DATABASE \(template)")
        let migrating = Connection(server.settings(database: template))
        try await migrating.connect()
        _ = try await Migrator(Schema.migrations).up(on: migrating)
        // A template cannot be copied while somebody is connected to it.
        await migrating.close()
        await administrator.close()
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        return Running(
            server: server, administration: Pool(server.settings(), lanes: ["administration": 4], logger: logger))
    }
}
