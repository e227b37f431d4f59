import Postgres
import TestSupport
import Testing

@Suite(.database) struct SmokeTests {
    @Test func aStatementAnswers() async throws {
        let connection = try await TestDatabase.current.connect()
        let rows = try await connection.query(Statement("one", "SELECT $1 + 1 AS two, 'x'::text AS x"), [.int8(1)])
        #expect(try rows[0].int8("two") == 2)
        #expect(try rows[0].text(1) == "x")
        let n = try await connection.transaction { tx in
            try tx.query(Statement("mig", "SELECT count(*) FROM settled.schema_migrations"))[0].int8(0)
        }
        #expect(n >= 1)
    }
}
