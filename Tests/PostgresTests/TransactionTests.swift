import Postgres
import Sandbox
import TestSupport
import Testing

@Suite(.database) struct TransactionTests {
    struct Stop: Error {}

    private func connectWithTable() async throws -> Connection {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (id int)")
        return connection
    }

    @Test func whatTheBodyReturnsIsCommitted() async throws {
        let connection = try await connectWithTable()
        let value = try await connection.transaction { transaction in
            try transaction.query("INSERT INTO t VALUES (1)").affected
        }
        #expect(value == 1)
        #expect(try await connection.query("SELECT id FROM t").count == 1)
    }

    @Test func whenTheBodyThrowsNothingIsWritten() async throws {
        let connection = try await connectWithTable()
        await #expect(throws: Stop.self) {
            try await connection.transaction { transaction in
                _ = try transaction.query("INSERT INTO t VALUES (1)")
                throw Stop()
            }
        }
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test func aSwallowedErrorIsNotReportedAsACommit() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            try await connection.transaction { transaction in
                _ = try transaction.query("INSERT INTO t VALUES (1)")
                _ = try? transaction.query("SELECT 1 / 0")
            }
        }
        #expect(error?.code == .transactionAborted)
        #expect(try await connection.query("SELECT id FROM t").isEmpty)
    }

    @Test func aDeferredConstraintFailsTheCommitForCertain() async throws {
        let connection = try await connectWithTable()
        try await connection.execute(
            "ALTER TABLE t ADD CONSTRAINT once UNIQUE (id) DEFERRABLE INITIALLY DEFERRED")
        let error = try await postgresError {
            _ = try await connection.transaction { try $0.query("INSERT INTO t VALUES (1), (1)") }
        }
        #expect(error?.code == .server)
        #expect(error?.sqlState == "23505")
        #expect(connection.isUsable)
    }

    @Test func aWarningDuringCommitLeavesItInDoubtAndDropsTheConnection() async throws {
        let connection = try await connectWithTable()
        try await connection.execute(
            """
            CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE WARNING 'the standby is away'; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION warn();
            """)
        let error = try await postgresError {
            _ = try await connection.transaction { try $0.query("INSERT INTO t VALUES (1)") }
        }
        #expect(error?.code == .commitInDoubt)
        #expect(error?.isTransient == true)
        #expect(!connection.isUsable)
    }

    @Test func aServerLostDuringCommitLeavesItInDoubt() async throws {
        let connection = try await connectWithTable()
        try await connection.execute(
            """
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die();
            """)
        let error = try await postgresError {
            _ = try await connection.transaction { try $0.query("INSERT INTO t VALUES (1)") }
        }
        #expect(error?.code == .commitInDoubt)
        #expect(!connection.isUsable)
    }

    @Test func theDeadlineOfATransactionBoundsItsStatements() async throws {
        let connection = try await connectWithTable()
        let error = try await postgresError {
            _ = try await connection.transaction(deadline: .milliseconds(200)) { transaction in
                try transaction.query(Statement("sleep", "SELECT pg_sleep(60)"))
            }
        }
        #expect(error?.code == .timeout)
        #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
    }

    @Test func transactionsDoNotNestAndAreNotEndedInside() async throws {
        let connection = try await connectWithTable()
        let nested = try await postgresError {
            try await connection.transaction { try $0.transaction { _ in } }
        }
        #expect(nested?.code == .protocolViolation)
        let ended = try await postgresError {
            try await connection.transaction { try $0.execute("COMMIT") }
        }
        #expect(ended?.code == .protocolViolation)
    }

    @Test(arguments: [
        (Isolation.readCommitted, "read committed", "off"), (.repeatableRead, "repeatable read", "off"),
        (.serializable, "serializable", "off"), (.readOnlySnapshot, "repeatable read", "on"),
    ]) func theServerRunsTheAskedIsolation(isolation: Isolation, name: String, readOnly: String) async throws {
        let connection = try await TestDatabase.current.connect()
        let (isolationName, readOnlyState) = try await connection.transaction(isolation) { transaction in
            (
                try transaction.query("SHOW transaction_isolation")[0].text(0),
                try transaction.query("SHOW transaction_read_only")[0].text(0)
            )
        }
        #expect(isolationName == name)
        #expect(readOnlyState == readOnly)
    }
}

/// A server that waits for a standby which never comes, so that every commit hangs after it is written locally.
@Suite struct LostStandbyTests {
    @Test func aCommitWhoseWaitForTheStandbyIsGivenUpIsInDoubtInEveryForm() async throws {
        let options = EmbeddedPostgres.Options(settings: ["synchronous_standby_names": "nobody"])
        try await EmbeddedPostgres.withServer(options) { server in
            let observer = Connection(server.settings())
            try await observer.connect()
            // CREATE TABLE waits for the standby too, unless it is told not to.
            try await observer.execute("SET synchronous_commit = local; CREATE TABLE t (id int)")
            let insert = Statement("insert", "INSERT INTO t VALUES (1)")
            let commits: [@Sendable (Connection) async throws -> Void] = [
                { connection in _ = try await connection.transaction { try $0.query(insert) } },
                { connection in _ = try await connection.query(insert) },
                { connection in _ = try await connection.pipeline([(insert, []), (insert, [])]) },
            ]
            for commit in commits {
                let connection = Connection(server.settings())
                try await connection.connect()
                async let failure = postgresError { try await commit(connection) }
                try await cancelWaitForStandby(observer)
                let error = try await failure
                #expect(error?.code == .commitInDoubt)
                #expect(!connection.isUsable)
            }
            let impatient = Connection(server.settings())
            try await impatient.connect()
            let error = try await postgresError {
                _ = try await impatient.transaction(deadline: .milliseconds(300)) { try $0.query(insert) }
            }
            #expect(error?.code == .commitInDoubt)
        }
    }

    private func cancelWaitForStandby(_ observer: Connection) async throws {
        let cancel = Statement(
            "cancel", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        while try await observer.query(cancel).isEmpty { await Task.yield() }
    }
}
