import Postgres
import Schema
import TestSupport
import Testing

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct ReadinessTests {
    private static func answer(
        _ settings: ConnectionSettings? = nil, version: Int = Schema.version, isStopping: Bool = false
    ) async throws -> Readiness.Answer {
        let pool = Pool(
            try settings ?? TestDatabase.current.settings, lanes: [Readiness.lane: 1], logger: TestHouse.logger)
        let answer = await Readiness(pool: pool, schemaVersion: version, isStopping: { isStopping }).check()
        await pool.close()
        return answer
    }

    @Test func `a migrated database that can be written is ready`() async throws {
        #expect(try await Self.answer() == .ready)
    }

    @Test func `whoever stops is not ready`() async throws {
        #expect(try await Self.answer(isStopping: true) == .unready("shutting down"))
    }

    @Test func `a read-only database is not ready`() async throws {
        let database = try TestDatabase.current
        try await database.execute("ALTER DATABASE \(database.name) SET default_transaction_read_only = on")
        #expect(try await Self.answer() == .unready("the database is read-only"))
    }

    @Test func `an older schema is not ready, a newer one is`() async throws {
        let older = try await Self.answer(version: Schema.version + 1)
        #expect(
            older
                == .unready(
                    "the schema is at version \(Schema.version), \(Schema.version + 1) is needed: run settled migrate up"
                ))
        #expect(try await Self.answer(version: Schema.version - 1) == .ready)
    }

    @Test func `a database without the schema is not ready and says what to do`() async throws {
        try await TestDatabase.current.execute("DROP SCHEMA settled CASCADE")
        #expect(
            try await Self.answer() == .unready("the database has no schema of settled: run settled migrate up"))
    }

    @Test func `a server that is not there is not ready`() async throws {
        let nowhere = ConnectionSettings("host=/nonexistent port=1 dbname=none", connectTimeout: .seconds(1))
        #expect(try await Self.answer(nowhere) == .unready("the database cannot be reached"))
    }
}
