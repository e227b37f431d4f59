import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import settled

/// What a bench makes on somebody's server, and that it takes it away again.
@Suite("Where a bench measures", .database) struct BenchPlaceTests {
    @Test func `a database of its own has the program's tables and is dropped at the end`() async throws {
        let server = DatabaseUnderBench(settings: try TestDatabase.current.settings)
        let name = try await BenchPlace.make(on: server) { place in
            #expect(try await Self.number("SELECT count(*) FROM settled.jobs", place) == 0)
            return try await Self.name(place)
        }
        #expect(name.hasPrefix(BenchPlace.prefix))
        #expect(try await Self.databases(called: name, server) == 0)
    }

    @Test func `it is dropped after an error too, and the error is what is told`() async throws {
        let server = DatabaseUnderBench(settings: try TestDatabase.current.settings)
        let names = Names()
        await #expect(throws: CommandFailure.self) {
            try await BenchPlace.make(on: server) { place in
                await names.note(try await Self.name(place))
                throw CommandFailure("something was lost")
            }
        }
        let name = try #require(await names.all.first)
        #expect(try await Self.databases(called: name, server) == 0)
    }

    @Test func `it is dropped while connections to it are still open`() async throws {
        let server = DatabaseUnderBench(settings: try TestDatabase.current.settings)
        let (left, name) = try await BenchPlace.make(on: server) { place in
            let connection = Connection(place.settings)
            try await connection.connect()
            return (connection, try await Self.name(place))
        }
        #expect(try await Self.databases(called: name, server) == 0)
        await left.close()
    }

    @Test func `a database with a schema settled is refused, and left as it was`() async throws {
        let test = try TestDatabase.current
        let server = DatabaseUnderBench(settings: test.settings)
        try await server.withConnection {
            try await $0.execute("INSERT INTO settled.jobs (queue, kind) VALUES ('theirs', 'real')")
        }
        let failure = await #expect(throws: CommandFailure.self) {
            try await BenchPlace.borrow(test.name, on: server) { _ in Issue.record("it was measured on") }
        }
        #expect(failure?.exitCode == .conflict)
        #expect(failure?.description.contains(test.name) == true)
        #expect(try await Self.number("SELECT count(*) FROM settled.jobs", server) == 1)
    }

    @Test func `an empty database is lent the schema, which is gone at the end, and nothing else of it`() async throws {
        let test = try TestDatabase.current
        let server = DatabaseUnderBench(settings: test.settings)
        try await server.withConnection {
            try await $0.execute("DROP SCHEMA settled CASCADE; CREATE TABLE public.theirs AS SELECT 42 AS number")
        }
        await #expect(throws: CancellationError.self) {
            try await BenchPlace.borrow(test.name, on: server) { place in
                #expect(try await Self.number("SELECT count(*) FROM settled.jobs", place) == 0)
                throw CancellationError()
            }
        }
        #expect(try await Self.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'settled'", server) == 0)
        #expect(try await Self.number("SELECT number::int8 FROM public.theirs", server) == 42)
    }

    @Test func `a role that may create no database is told what to do`() async throws {
        let test = try TestDatabase.current
        let owner = DatabaseUnderBench(settings: test.settings)
        let role = "bench_\(test.name)"
        try await owner.withConnection { try await $0.execute("CREATE ROLE \(role) LOGIN") }
        let server = DatabaseUnderBench(settings: ConnectionSettings(test.settings.conninfo + " user=\(role)"))
        let failure = await #expect(throws: CommandFailure.self) {
            try await BenchPlace.make(on: server) { _ in Issue.record("it was measured on") }
        }
        #expect(failure?.exitCode == .notAuthorised)
        #expect(failure?.description.contains("CREATEDB") == true)
        #expect(failure?.description.contains("--in-database") == true)
        try await owner.withConnection { try await $0.execute("DROP ROLE \(role)") }
    }

    @Test func `a server with too few connections is an error before anything is made`() async throws {
        let server = DatabaseUnderBench(settings: try TestDatabase.current.settings)
        let failure = await #expect(throws: CommandFailure.self) { try await server.demand(connections: 100_000) }
        #expect(failure?.description.contains("max_connections") == true)
        try await server.demand(connections: 1)
    }

    @Test(
        "The same server and another database",
        arguments: [
            ("host=h dbname=a", "b", "host=h dbname=a dbname='b'"),
            ("", "it's", " dbname='it\\'s'"),
            ("postgresql://u@h/a", "b", "postgresql://u@h/a?dbname=b"),
            ("postgres://h/a?sslmode=require", "b c", "postgres://h/a?sslmode=require&dbname=b%20c"),
        ])
    func conninfo(given: String, name: String, expected: String) {
        #expect(ConnectionSettings(given).inDatabase(name).conninfo == expected)
    }

    // MARK: -

    private actor Names {
        var all: [String] = []
        func note(_ name: String) { all.append(name) }
    }

    private static func name(_ place: DatabaseUnderBench) async throws -> String {
        try await place.withConnection {
            try await $0.query(Statement("test.name", "SELECT current_database()::text"))[0].text(0)
        }
    }

    private static func number(_ sql: String, _ place: DatabaseUnderBench) async throws -> Int64 {
        try await place.withConnection { try await $0.query(Statement("test.number", sql))[0].int8(0) }
    }

    private static func databases(called name: String, _ server: DatabaseUnderBench) async throws -> Int64 {
        try await number("SELECT count(*) FROM pg_database WHERE datname = '\(name)'", server)
    }
}
