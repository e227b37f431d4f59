import Postgres
import Schema
import TestSupport
import Testing

@Suite(.database) struct MigratorTests {
    private static let next = Schema.version + 1
    private static let extra = Migration(number: next, name: "extra", sql: "CREATE TABLE settled.extra (id int);")

    @Test func theDatabaseOfATestHasEveryMigration() async throws {
        let connection = try await TestDatabase.current.connect()
        let migrator = Migrator(Schema.migrations)
        let statuses = try await migrator.status(on: connection)
        #expect(statuses.map(\.number) == Array(1...Schema.version))
        #expect(
            statuses.allSatisfy { status in
                if case .applied = status.state { true } else { false }
            })
        #expect(try await migrator.plan(on: connection).isEmpty)
    }

    @Test func aNewMigrationIsPlannedAppliedAndThenDone() async throws {
        let connection = try await TestDatabase.current.connect()
        let migrator = Migrator(Schema.migrations + [Self.extra])
        #expect(try await migrator.status(on: connection).last?.state == .pending)
        #expect(try await migrator.plan(on: connection) == [Self.extra])
        #expect(try await migrator.up(on: connection) == [Self.extra])
        #expect(try await migrator.up(on: connection).isEmpty)
        #expect(try await connection.query("SELECT to_regclass('settled.extra') IS NOT NULL")[0].bool(0))
    }

    @Test func anEmptyDatabaseIsBuiltFromNothing() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("DROP SCHEMA settled CASCADE")
        let migrator = Migrator(Schema.migrations)
        #expect(try await migrator.plan(on: connection) == Schema.migrations)
        #expect(try await migrator.up(on: connection) == Schema.migrations)
    }

    @Test func aFailingMigrationLeavesTheOneBefore() async throws {
        let connection = try await TestDatabase.current.connect()
        let bad = Migration(
            number: Self.next + 1, name: "bad", sql: "CREATE TABLE settled.half (id int); SELECT 1 / 0;")
        let error = try await postgresError {
            _ = try await Migrator(Schema.migrations + [Self.extra, bad]).up(on: connection)
        }
        #expect(error?.sqlState == "22012")
        #expect(error?.message.contains("migration \(bad.number) bad was rolled back") == true)
        let after = try await TestDatabase.current.connect()
        #expect(try await after.query("SELECT to_regclass('settled.half') IS NULL")[0].bool(0))
        #expect(try await Migrator(Schema.migrations + [Self.extra]).plan(on: after).isEmpty)
    }

    @Test func anEditedMigrationIsRefused() async throws {
        let connection = try await TestDatabase.current.connect()
        var edited = Schema.migrations
        let first = edited[0]
        edited[0] = Migration(number: first.number, name: first.name, sql: first.sql + " ")
        let migrator = Migrator(edited)
        let error = try await postgresError { _ = try await migrator.plan(on: connection) }
        #expect(error?.code == .migration)
        #expect(error?.message.contains("was edited after it was applied; restore its text") == true)
        #expect(try await postgresError { _ = try await migrator.up(on: connection) }?.code == .migration)
    }

    @Test func aDatabaseNewerThanTheProgramIsRefused() async throws {
        let connection = try await TestDatabase.current.connect()
        _ = try await Migrator(Schema.migrations + [Self.extra]).up(on: connection)
        let error = try await postgresError { _ = try await Migrator(Schema.migrations).up(on: connection) }
        #expect(error?.code == .migration)
        #expect(error?.message.contains("run a program at least as new as the database") == true)
    }

    @Test func twoAtOnceApplyEachMigrationOnce() async throws {
        let migrator = Migrator(Schema.migrations + [Self.extra])
        let (first, second) = (try await TestDatabase.current.connect(), try await TestDatabase.current.connect())
        async let one = migrator.up(on: first)
        async let other = migrator.up(on: second)
        let applied = try await one + other
        #expect(applied == [Self.extra])
    }
}
