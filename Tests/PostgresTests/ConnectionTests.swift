import Postgres
import TestSupport
import Testing

@Suite(.database) struct ConnectionTests {
    @Test func aServerErrorNamesItsStateConstraintAndStatementAndHidesTheData() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute(
            "CREATE TABLE t (id int CONSTRAINT t_key PRIMARY KEY); INSERT INTO t VALUES (4711)")
        let error = try #require(
            try await postgresError {
                _ = try await connection.query(Statement("insert_twice", "INSERT INTO t VALUES ($1)"), [.int4(4711)])
            })
        #expect(error.code == .server)
        #expect(error.sqlState == "23505")
        #expect(error.constraint == "t_key")
        #expect(error.statement == "insert_twice")
        #expect(!error.isTransient)
        #expect(!error.description.contains("4711") && !error.description.contains("INSERT"))
        #expect(error.debugDescription.contains("4711"))
    }

    @Test(arguments: [
        ("SELECT 'Zhang San'::int", "22P02"), ("SELECT 'Zhang San'::timestamptz", "22007"),
        ("SELECT * FROM 'Zhang San'", "42601"), ("SELECT 'Zhang San'::json", "22P02"),
    ]) func aMessageThatQuotesAValueIsCutBeforeIt(sql: String, state: String) async throws {
        let connection = try await TestDatabase.current.connect()
        let error = try #require(try await postgresError { _ = try await connection.query(sql) })
        #expect(error.sqlState == state)
        #expect(!error.message.isEmpty && !error.message.contains("Zhang"))
        #expect(error.debugDescription.contains("Zhang"))
    }

    @Test func affectedCountsRows() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (id int)")
        #expect(try await connection.query("INSERT INTO t SELECT generate_series(1, 7)").affected == 7)
        #expect(try await connection.query("UPDATE t SET id = 0 WHERE id > 5").affected == 2)
        #expect(try await connection.query("SELECT id FROM t").count == 7)
    }

    @Test func aDeadlineEndsAStatementAndTheConnectionGoesOn() async throws {
        let connection = try await TestDatabase.current.connect()
        let error = try await postgresError {
            _ = try await connection.query(Statement("sleep", "SELECT pg_sleep(60)"), deadline: .milliseconds(200))
        }
        #expect(error?.code == .timeout)
        #expect(error?.sqlState == "57014")
        #expect(error?.isTransient == true)
        #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
    }

    @Test func aStatementIsCancelledFromOutside() async throws {
        let connection = try await TestDatabase.current.connect()
        let observer = try await TestDatabase.current.connect()
        let pid = try await connection.query("SELECT pg_backend_pid()")[0].int4(0)
        async let failure = postgresError {
            _ = try await connection.query(Statement("sleep", "SELECT pg_sleep(60)"))
        }
        let waits = Statement("waits", "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1")
        while try await observer.query(waits, [.int4(pid)])[0].boolOrNil(0) != true { await Task.yield() }
        connection.cancel()
        let error = try await failure
        #expect(error?.code == .cancelled)
        #expect(error?.sqlState == "57014")
    }

    @Test func cancellingTheTaskDoesNotStopTheStatement() async throws {
        let connection = try await TestDatabase.current.connect()
        let task = Task { try await connection.query("SELECT 42")[0].int4(0) }
        task.cancel()
        #expect(try await task.value == 42)
    }

    @Test func aChangedTableIsReadAgainWithANewPlan() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        let statement = Statement("all", "SELECT * FROM t")
        #expect(try await connection.query(statement).columnNames == ["a"])
        try await connection.execute("ALTER TABLE t ADD b int")
        #expect(try await connection.query(statement).columnNames == ["a", "b"])
    }

    @Test func aChangedTableInsideATransactionIsATransientErrorOnce() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (a int)")
        let statement = Statement("all", "SELECT * FROM t")
        _ = try await connection.query(statement)
        try await connection.execute("ALTER TABLE t ADD b int")
        let error = try await postgresError { _ = try await connection.transaction { try $0.query(statement) } }
        #expect(error?.sqlState == "0A000")
        #expect(error?.isTransient == true)
        #expect(try await connection.transaction { try $0.query(statement).columnNames } == ["a", "b"])
    }

    @Test func statementsThatTheServerForgotArePreparedAgain() async throws {
        let connection = try await TestDatabase.current.connect()
        let statement = Statement("one", "SELECT 1")
        _ = try await connection.query(statement)
        try await connection.execute("DEALLOCATE ALL")
        #expect(try await connection.query(statement)[0].int4(0) == 1)
    }

    @Test func oneNameWithTwoTextsIsRefused() async throws {
        let connection = try await TestDatabase.current.connect()
        _ = try await connection.query(Statement("same", "SELECT 1"))
        let error = try await postgresError { _ = try await connection.query(Statement("same", "SELECT 2")) }
        #expect(error?.code == .invalidParameter)
    }

    @Test func behindAPoolerNothingIsPrepared() async throws {
        var settings = try TestDatabase.current.settings
        settings.preparesNames = false
        let connection = Connection(settings)
        try await connection.connect()
        #expect(try await connection.query(Statement("one", "SELECT $1 + 1"), [.int4(1)])[0].int4(0) == 2)
        #expect(try await connection.pipeline([(Statement("one", "SELECT $1 + 1"), [.int4(1)])])[0][0].int4(0) == 2)
        #expect(try await connection.query("SELECT count(*) FROM pg_prepared_statements")[0].int8(0) == 0)
    }

    @Test func noticesComeWithTheRows() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute(
            """
            CREATE FUNCTION warn() RETURNS int LANGUAGE plpgsql
            AS $$ BEGIN RAISE WARNING 'mind the gap'; RETURN 1; END $$
            """)
        let rows = try await connection.query("SELECT warn()")
        #expect(rows.notices.map(\.message) == ["mind the gap"])
        #expect(rows.notices.map(\.severity) == ["WARNING"])
        #expect(try await connection.query("SELECT 1").notices.isEmpty)
    }

    @Test func aLostConnectionIsATransientErrorAndIsClosed() async throws {
        let connection = try await TestDatabase.current.connect()
        let error = try await postgresError {
            _ = try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
        }
        #expect(error?.isTransient == true)
        #expect(!connection.isUsable)
        #expect(try await postgresError { _ = try await connection.query("SELECT 1") }?.code == .connection)
        try await connection.connect()
        #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
    }

    @Test func copyThroughTheWrongDoorIsRefused() async throws {
        let connection = try await TestDatabase.current.connect()
        try await connection.execute("CREATE TABLE t (a int)")
        let error = try await postgresError { try await connection.execute("COPY t FROM STDIN") }
        #expect(error?.code == .protocolViolation)
        #expect(error?.isTransient == false)
    }
}

@Suite struct ConnectTests {
    @Test func anUnreachableServerIsOneSentence() async throws {
        let connection = Connection(ConnectionSettings("host=/nowhere user=nobody dbname=none"))
        let error = try #require(try await postgresError { try await connection.connect() })
        #expect(error.code == .connection)
        #expect(error.isTransient)
        #expect(error.description.hasPrefix("cannot connect to PostgreSQL: "))
        #expect(error.description.contains("/nowhere"))
        #expect(!error.description.contains("\n") && !error.description.contains("\t"))
    }

    @Test(arguments: ["secret-word", "postgresql://u:secret-word@[::1", "host=a secret-word", "host=a\0secret-word"])
    func aConninfoThatCannotBeReadIsNotQuoted(conninfo: String) async throws {
        let connection = Connection(ConnectionSettings(conninfo))
        let error = try #require(try await postgresError { try await connection.connect() })
        #expect(error.code == .invalidParameter)
        #expect(!error.isTransient)
        #expect(!error.debugDescription.contains("secret-word"))
    }

    @Test func theNextHostIsTakenWhenTheFirstIsDead() async throws {
        try await withDatabase { settings in
            var several = settings
            several.conninfo = settings.conninfo.replacing("host=", with: "host=/nowhere,", maxReplacements: 1)
            several.conninfo += " target_session_attrs=read-write"
            let connection = Connection(several)
            try await connection.connect()
            #expect(try await connection.query("SELECT 1")[0].int4(0) == 1)
        }
    }

    @Test func theServerKnowsTheProgramByName() async throws {
        try await withDatabase { settings in
            let connection = Connection(settings)
            try await connection.connect()
            #expect(try await connection.query("SHOW application_name")[0].text(0) == "settled")
            #expect(try await connection.query("SHOW client_encoding")[0].text(0) == "UTF8")
        }
    }
}
