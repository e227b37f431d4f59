import ArgumentParser
import Postgres
import Sandbox

/// Where a measurement may make tables.
///
/// Every statement of the program names the schema `settled`, which in a database of the user's may hold real data. So what is
/// measured lives in a database of its own, made for the run and dropped at its end, or in an empty one that is named.
struct BenchPlaceOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The PostgreSQL to measure on, as libpq takes it; a durable one of its own is started without it.",
            discussion: """
                A database settled_bench_… is made there and dropped at the end; nothing else on that server is touched. The \
                program's tables have a fixed schema, `settled`, so a schema beside real data is not possible. It must be \
                reached directly, not through a pooler.
                """, valueName: "dsn"))
    var database: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "An existing database for it, for a role without CREATEDB; refused if it has a schema settled.",
            valueName: "name"))
    var inDatabase: String?

    func validate() throws {
        guard inDatabase == nil || database != nil else {
            throw ValidationError("--in-database goes with --database")
        }
    }

    /// Lends `body` an empty database with the program's tables, and takes away what was made, also after an error.
    ///
    /// - Parameter connections: how many are needed at once, so that a server that has fewer is an error at once.
    func with<T: Sendable>(
        connections: Int, _ body: (DatabaseUnderBench) async throws -> T
    ) async throws -> T {
        guard let database else {
            // The clock of commits tells exactly how late something was read.
            let settings = ["max_connections": "\(connections + 30)", "track_commit_timestamp": "on"]
            return try await EmbeddedPostgres.withServer(.init(isDurable: true, settings: settings)) { server in
                let place = DatabaseUnderBench(settings: server.settings())
                try await place.reset()
                return try await body(place)
            }
        }
        let server = DatabaseUnderBench(settings: ConnectionSettings(database))
        try await server.demand(connections: connections)
        if let inDatabase { return try await BenchPlace.borrow(inDatabase, on: server, body) }
        return try await BenchPlace.make(on: server, body)
    }
}

/// A database that is made, or emptied again, on somebody's server.
enum BenchPlace {
    static let prefix = "settled_bench_"
    private static let about = "made by `settled bench` for one run; safe to drop when none is under way"

    /// A new database, dropped at the end.
    static func make<T: Sendable>(
        on server: DatabaseUnderBench, _ body: (DatabaseUnderBench) async throws -> T
    ) async throws -> T {
        let name = prefix + String(UInt64.random(in: .min ... .max), radix: 36)
        do {
            try await server.withConnection { connection in
                // From template0: what the user keeps in template1 is no part of the measurement.
                try await connection.execute(
                    "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
                    deadline: .seconds(120))
                try await connection.execute("COMMENT ON DATABASE \(name) IS '\(about)'")
            }
        } catch let error as PostgresError where error.sqlState == "42501" {
            throw CommandFailure(
                """
                the role may not create a database on that server: ALTER ROLE … CREATEDB, \
                or name an empty one with --in-database NAME
                """, .notAuthorised)
        }
        let place = DatabaseUnderBench(settings: server.settings.inDatabase(name))
        return try await ending {
            try await place.reset()
            return try await body(place)
        } with: {
            try await server.withConnection {
                try await $0.execute("DROP DATABASE \(name) WITH (FORCE)", deadline: .seconds(120))
            }
        } otherwise: {
            "the database \(name) was not dropped: \($0)"
        }
    }

    /// A database that was there before and has no schema `settled`; that schema is made, and dropped at the end.
    static func borrow<T: Sendable>(
        _ name: String, on server: DatabaseUnderBench, _ body: (DatabaseUnderBench) async throws -> T
    ) async throws -> T {
        let place = DatabaseUnderBench(settings: server.settings.inDatabase(name))
        do {
            // Made here, never found: whoever makes it first has it, and only what was made here is dropped.
            try await place.withConnection { connection in
                try await connection.execute("CREATE SCHEMA settled")
                try await connection.execute("COMMENT ON SCHEMA settled IS '\(about)'")
            }
        } catch let error as PostgresError where error.sqlState == "42P06" {
            throw CommandFailure(
                "the database \(name) has a schema settled already, which may be somebody's data: name an empty one",
                .conflict)
        } catch let error as PostgresError where error.sqlState == "42501" {
            throw CommandFailure(
                "the role may not create a schema in \(name): GRANT CREATE ON DATABASE \(name) TO …", .notAuthorised)
        }
        return try await ending {
            try await place.reset()
            return try await body(place)
        } with: {
            try await place.withConnection {
                try await $0.execute("DROP SCHEMA settled CASCADE", deadline: .seconds(120))
            }
        } otherwise: {
            "the schema settled of \(name) was not dropped: \($0)"
        }
    }

    /// Runs `cleaning` after `body`, whatever became of it.
    private static func ending<T: Sendable>(
        _ body: () async throws -> T, with cleaning: () async throws -> Void, otherwise: (any Error) -> String
    ) async throws -> T {
        let result: Result<T, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        do {
            try await cleaning()
        } catch {
            StandardError.line("settled: " + otherwise(error))
            // What went wrong first is what matters; alone, this is the failure.
            if case .success = result { throw error }
        }
        return try result.get()
    }
}

extension ConnectionSettings {
    /// The same server and another database: the last `dbname` is the one that libpq takes, in both ways of writing.
    func inDatabase(_ name: String) -> ConnectionSettings {
        var other = self
        if conninfo.hasPrefix("postgresql://") || conninfo.hasPrefix("postgres://") {
            other.conninfo += (conninfo.contains("?") ? "&" : "?") + "dbname=" + Self.escaped(name)
        } else {
            let quoted = name.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            other.conninfo += " dbname='\(quoted)'"
        }
        return other
    }

    private static func escaped(_ name: String) -> String {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
