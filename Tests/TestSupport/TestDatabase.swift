import Postgres
import Testing

/// A database of a test's own, with every migration applied; it is dropped after the test.
///
/// One embedded server serves the whole test process. It starts with the first test that asks for a database and ends with
/// the process. Its commits are not on disk: tests that need durability start an `EmbeddedPostgres` of their own.
public struct TestDatabase: Sendable {
    public let name: String
    /// Reaches the database as the superuser.
    public let settings: ConnectionSettings

    /// A new connection, open.
    public func connect() async throws -> Connection {
        let connection = Connection(settings)
        try await connection.connect()
        return connection
    }

    /// The database of the test that runs now, for tests with the `.database` trait.
    public static var current: TestDatabase {
        get throws {
            guard let scoped else { throw MissingTrait() }
            return scoped
        }
    }

    @TaskLocal static var scoped: TestDatabase?

    struct MissingTrait: Error, CustomStringConvertible {
        let description = "this test has no database; give it or its suite the trait .database"
    }
}

/// Lends a new migrated database to `body` and drops it afterwards.
public func withDatabase<T: Sendable>(
    _ body: (ConnectionSettings) async throws -> T
) async throws -> T {
    let database = try await TestServer.shared.createDatabase()
    do {
        let value = try await body(database.settings)
        try await TestServer.shared.drop(database)
        return value
    } catch {
        try? await TestServer.shared.drop(database)
        throw error
    }
}

/// Gives each test function a database; on a suite, each test function in it.
public struct DatabaseTrait: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    public func scopeProvider(for test: Test, testCase: Test.Case?) -> DatabaseTrait? {
        // Once around a test function: its cases share the database.
        test.isSuite || testCase != nil ? nil : self
    }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let database = try await TestServer.shared.createDatabase()
        do {
            try await TestDatabase.$scoped.withValue(database) { try await function() }
            try await TestServer.shared.drop(database)
        } catch {
            try? await TestServer.shared.drop(database)
            throw error
        }
    }
}

extension Trait where Self == DatabaseTrait {
    /// A database of its own for each test function: `TestDatabase.current`.
    public static var database: DatabaseTrait { DatabaseTrait() }
}
