import Postgres
import TestSupport
import Testing

@Suite(.database) struct PipelineTests {
    private static let insert = Statement("insert", "INSERT INTO t VALUES ($1) RETURNING id * 10")
    private static let divide = Statement("divide", "SELECT 10 / $1")

    private func connectWithTable() async throws -> Connection {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (id int)")
        return connection
    }

    @Test func everyCallHasItsRows() async throws {
        let connection = try await connectWithTable()
        let results = try await connection.pipeline([
            (Self.insert, [.int4(1)]), (Self.divide, [.int4(5)]), (Self.insert, [.int4(2)]),
        ])
        #expect(try results.map { try $0[0].int4(0) } == [10, 2, 20])
        #expect(try await connection.query("SELECT id FROM t").count == 2)
        #expect(try await connection.pipeline([]).isEmpty)
    }

    @Test func aFailingCallUndoesAllAndIsNamed() async throws {
        let connection = try await connectWithTable()
        for _ in 0..<2 {
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    (Self.insert, [.int4(1)]), (Self.divide, [.int4(0)]), (Statement("later", "SELECT 1"), []),
                ])
            }
            #expect(error?.sqlState == "22012")
            #expect(error?.statement == "divide")
        }
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
        #expect(try await connection.query(Statement("later", "SELECT 1"))[0].int4(0) == 1)
    }

    @Test func insideATransactionAFailureLeavesTheDecisionToIt() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.transaction {
                try $0.pipeline([(Self.insert, [.int4(1)]), (Self.divide, [.int4(0)])])
            }
        }
        #expect(error?.sqlState == "22012")
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test func moreThanBothSocketBuffersGoesThrough() async throws {
        let connection = try await connectWithTable()
        let echo = Statement("echo", "SELECT $1")
        let big = [UInt8](repeating: 7, count: 1 << 20)
        let results = try await connection.pipeline((0..<24).map { _ in (echo, [.bytea(big)]) })
        #expect(try results.allSatisfy { try $0[0].bytea(0).count == big.count })
    }

    @Test func aDeadlineEndsAPipelineAndNothingIsWritten() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.pipeline(
                [(Self.insert, [.int4(1)]), (Statement("sleep", "SELECT pg_sleep(60)"), [])],
                deadline: .milliseconds(200))
        }
        #expect(error?.code == .timeout)
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test("What follows a commit is run in a transaction of its own, and its failure is nobody's")
    func followers() async throws {
        let connection = try await connectWithTable()
        for id in 1...3 {
            let rows = try await connection.query(
                Self.insert, [.int4(Int32(id))], followedBy: [(Self.insert, [.int4(100)]), (Self.divide, [.int4(0)])])
            #expect(try rows[0].int4(0) == Int32(id * 10))
        }
        #expect(try await connection.query("SELECT id FROM t ORDER BY id").map { try $0.int4(0) } == [1, 2, 3])
        _ = try await connection.query(Self.insert, [.int4(4)], followedBy: [(Self.insert, [.int4(100)])])
        #expect(try await connection.query("SELECT id FROM t ORDER BY id").map { try $0.int4(0) } == [1, 2, 3, 4, 100])
    }

    @Test("Followers are run when the statement fails, whose error is told")
    func followersOfAFailure() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.query(Self.divide, [.int4(0)], followedBy: [(Self.insert, [.int4(100)])])
        }
        #expect(error?.sqlState == "22012")
        #expect(try await connection.query("SELECT id FROM t").map { try $0.int4(0) } == [100])
    }

    @Test("A server that is lost among the followers leaves the commit before them certain")
    func lostAmongFollowers() async throws {
        let connection = try await connectWithTable()
        let rows = try await connection.query(
            Self.insert, [.int4(1)],
            followedBy: [(Statement("die", "SELECT pg_terminate_backend(pg_backend_pid())"), [])])
        #expect(try rows[0].int4(0) == 10)
        #expect(!connection.isUsable)
        try await connection.connect()
        #expect(try await connection.query("SELECT id FROM t").count == 1)
    }

    @Test("Nothing follows a commit inside a transaction")
    func noFollowersInside() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.transaction {
                try $0.query(Self.insert, [.int4(1)], followedBy: [(Self.insert, [.int4(2)])])
            }
        }
        #expect(error?.code == .protocolViolation)
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test func aServerLostInAPipelineLeavesItsCommitInDoubt() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.pipeline([
                (Self.insert, [.int4(1)]), (Statement("die", "SELECT pg_terminate_backend(pg_backend_pid())"), []),
            ])
        }
        #expect(error?.code == .commitInDoubt)
        #expect(!connection.isUsable)
    }

    @Test func aChangedTableIsReadAgainWithANewPlan() async throws {
        let connection = try await connectWithTable()
        let all = Statement("all", "SELECT * FROM t")
        _ = try await connection.pipeline([(all, [])])
        try await connection.execute("ALTER TABLE t ADD b int")
        #expect(try await connection.pipeline([(all, [])])[0].columnNames == ["id", "b"])
    }
}

@Suite(.database) struct CopyTests {
    @Test func rowsAreCountedWhereverTheChunksEnd() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (id int, name text)")
        let chunks = ["1\ton", "e\n2\ttwo\n", "", "3\t三\n"].map { Array($0.utf8) }
        #expect(try await connection.copyIn("COPY t FROM STDIN", chunks) == 3)
        #expect(try await connection.query("SELECT name FROM t WHERE id = 3")[0].text(0) == "三")
    }

    @Test func aBadRowFailsTheWhole() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (id int)")
        let error = try await postgresError {
            _ = try await connection.copyIn("COPY t FROM STDIN", ["1\n", "x\n", "3\n"].map { Array($0.utf8) })
        }
        #expect(error?.sqlState == "22P02")
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test(arguments: [("COPY nowhere FROM STDIN", "42P01"), ("SELECT 1", nil), ("COPY pg_class TO STDOUT", nil)])
    func whatIsNoCopyInIsRefused(sql: String, state: String?) async throws {
        let connection = try await TestDatabase.current.connect()
        let error = try await postgresError { _ = try await connection.copyIn(sql, [[1]]) }
        #expect(error != nil)
        #expect(error?.sqlState == state)
    }

    @Test func moreThanTheSocketBufferGoesThrough() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (name text)")
        let chunk = Array((String(repeating: "x", count: 1_000) + "\n").utf8)
        #expect(try await connection.copyIn("COPY t FROM STDIN", repeatElement(chunk, count: 10_000)) == 10_000)
    }
}
