import Alipay
import Postgres
import Synchronization
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Dense numbers, nothing skipped, nothing numbered twice, whoever commits when.
@Suite(.database, .timeLimit(.minutes(5))) struct SequencerTests {
    static func sequencer(
        _ pool: Pool, batch: Int64 = 1000, published: @escaping @Sendable (Int64) -> Void = { _ in }
    ) -> Sequencer {
        Sequencer(
            pool: pool, signal: Signal(), batch: batch, metrics: Metrics(), logger: TestHouse.logger,
            published: published)
    }

    /// Inserts settlements of the trades T`range`.
    static func insert(_ range: ClosedRange<Int>) -> String {
        """
        WITH proof AS (
            INSERT INTO settled.evidence (job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT n, 'm', 'signed', '{}', 's', 'k', now()
            FROM generate_series(\(range.lowerBound), \(range.upperBound)) n RETURNING id, job_id
        )
        INSERT INTO settled.settlements
            (kind, trade_no, app_id, seller_id, total_fen, trade_status, assurance, evidence_id, job_id)
        SELECT 'payment', 'T' || job_id, 'app', '2088', 100, 'TRADE_SUCCESS', 'signed', id, job_id FROM proof
        ORDER BY job_id
        """
    }

    /// The trades in the order of their numbers, and whether those are 1, 2, 3 ….
    private static func feed(_ database: TestDatabase) async throws -> (trades: String?, isDense: Bool) {
        let trades = try await database.text(
            "SELECT string_agg(trade_no, ' ' ORDER BY seq) FROM settled.feed JOIN settled.settlements s ON s.id = settlement_id"
        )
        let gaps = try await database.number(
            "SELECT coalesce(max(seq), 0) - count(*) + coalesce(min(seq), 1) - 1 FROM settled.feed")
        return (trades, gaps == 0)
    }

    private static func head(_ column: String, _ database: TestDatabase) async throws -> Int64 {
        try await database.number("SELECT \(column) FROM settled.feed_heads")
    }

    @Test func `a backlog larger than a batch is numbered densely, in order`() async throws {
        let database = try TestDatabase.current
        try await database.execute(Self.insert(1...23))
        let heads = Mutex<[Int64]>([])
        try await TestHouse.withPool { pool in
            let sequencer = Self.sequencer(pool, batch: 10) { head in heads.withLock { $0.append(head) } }
            var counts: [Int] = []
            for _ in 0..<4 { counts.append(try await sequencer.runOnce()) }
            #expect(counts == [10, 10, 3, 0])
        }
        #expect(heads.withLock { $0 } == [10, 20, 23])
        let feed = try await Self.feed(database)
        #expect(feed.trades == (1...23).map { "T\($0)" }.joined(separator: " "))
        #expect(feed.isDense)
        #expect(try await Self.head("published_head", database) == 23)
    }

    @Test func `neither behind a full batch nor behind a few does the sequencer let settlements gather`() async throws {
        let database = try TestDatabase.current
        try await database.execute(Self.insert(1...83))
        let (heads, published) = AsyncStream.makeStream(of: Int64.self)
        try await TestHouse.withPool { pool in
            let signal = Signal()
            let sequencer = Sequencer(
                pool: pool, signal: signal, interval: .seconds(3600), gathering: .seconds(3600), batch: 40,
                metrics: Metrics(), logger: TestHouse.logger, published: { published.yield($0) })
            let running = Task { await sequencer.run() }
            defer { running.cancel() }
            var seen: [Int64] = []
            for await head in heads {
                seen.append(head)
                if head == 83 {
                    try await database.execute(Self.insert(84...84))
                    signal.raise()
                }
                if head == 84 { break }
            }
            #expect(seen == [40, 80, 83, 84])
        }
    }

    @Test func `two sequencers at once give each settlement one number`() async throws {
        let database = try TestDatabase.current
        try await database.execute(Self.insert(1...200))
        try await TestHouse.withPool([Sequencer.lane: 4]) { pool in
            let numbered = try await withThrowingTaskGroup(of: Int.self) { tasks in
                for _ in 0..<4 {
                    tasks.addTask {
                        var numbered = 0
                        while true {
                            let count = try await Self.sequencer(pool, batch: 7).runOnce()
                            if count == 0 { return numbered }
                            numbered += count
                        }
                    }
                }
                return try await tasks.reduce(0, +)
            }
            #expect(numbered == 200)
        }
        #expect(try await Self.feed(database).isDense)
        #expect(try await Self.head("published_head", database) == 200)
    }

    @Test func `a smaller id that commits later is not skipped`() async throws {
        let database = try TestDatabase.current
        let slow = try await database.connect()
        try await slow.execute("BEGIN; " + Self.insert(1...1))
        try await database.execute(Self.insert(2...3))
        try await TestHouse.withPool { pool in
            let sequencer = Self.sequencer(pool)
            #expect(try await sequencer.runOnce() == 2)
            // The mark may not pass the open transaction, however often one looks.
            for _ in 0..<5 { #expect(try await sequencer.runOnce() == 0) }
            #expect(try await Self.head("low_water", database) < 1)
            try await database.execute(Self.insert(4...4))
            #expect(try await sequencer.runOnce() == 1)
            #expect(try await Self.head("low_water", database) < 1)
            try await slow.execute("COMMIT")
            #expect(try await sequencer.runOnce() == 1)
            let feed = try await Self.feed(database)
            #expect(feed.trades == "T2 T3 T4 T1")
            #expect(feed.isDense)
            // Now nobody can hold a small id any more, and the mark moves.
            while try await Self.head("low_water", database) < 4 { _ = try await sequencer.runOnce() }
        }
        await slow.close()
    }

    @Test func `a transaction that began before the mark was made and draws its id after it is not skipped`()
        async throws
    {
        let database = try TestDatabase.current
        let slow = try await database.connect()
        try await slow.execute("BEGIN; SELECT pg_current_xact_id(); SELECT nextval('settled.settlements_id_seq')")
        try await database.execute(Self.insert(2...2))
        try await TestHouse.withPool { pool in
            let sequencer = Self.sequencer(pool)
            for _ in 0..<3 { _ = try await sequencer.runOnce() }
            try await slow.execute(
                Self.insert(1...1).replacing(
                    "(kind, trade_no", with: "(id, kind, trade_no"
                ).replacing("SELECT 'payment'", with: "OVERRIDING SYSTEM VALUE SELECT 1, 'payment'") + "; COMMIT")
            #expect(try await sequencer.runOnce() == 1)
        }
        await slow.close()
        #expect(try await Self.feed(database).trades == "T2 T1")
    }

    @Test func `a rollback burns ids and no numbers`() async throws {
        let database = try TestDatabase.current
        try await database.execute("BEGIN; \(Self.insert(1...5)); ROLLBACK")
        try await database.execute(Self.insert(6...7))
        // Numbering that is taken back takes its numbers back as well.
        try await database.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
            CREATE TRIGGER refuse AFTER UPDATE ON settled.feed_heads FOR EACH ROW EXECUTE FUNCTION refuse()
            """)
        try await TestHouse.withPool { pool in
            await #expect(throws: PostgresError.self) { try await Self.sequencer(pool).runOnce() }
            try await database.execute("DROP FUNCTION refuse CASCADE")
            #expect(try await Self.sequencer(pool).runOnce() == 2)
        }
        let feed = try await Self.feed(database)
        #expect(feed.trades == "T6 T7")
        #expect(feed.isDense)
    }

    @Test func `what was numbered and not published is published by the next run`() async throws {
        let database = try TestDatabase.current
        try await database.execute(Self.insert(1...3))
        try await database.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE OF published_head ON settled.feed_heads FOR EACH ROW
                EXECUTE FUNCTION refuse()
            """)
        let told = Mutex<[Int64]>([])
        try await TestHouse.withPool { pool in
            let sequencer = Self.sequencer(pool) { head in told.withLock { $0.append(head) } }
            await #expect(throws: PostgresError.self) { try await sequencer.runOnce() }
            #expect(try await Self.head("seq", database) == 3)
            #expect(try await Self.head("published_head", database) == 0)
            #expect(try await FeedReader(pool: pool).page(of: "main", after: 0, limit: 10).count == 0)
            #expect(told.withLock { $0 } == [])
            try await database.execute("DROP FUNCTION refuse CASCADE")
            #expect(try await sequencer.runOnce() == 0)
            #expect(try await FeedReader(pool: pool).page(of: "main", after: 0, limit: 10).count == 3)
        }
        #expect(told.withLock { $0 } == [3])
    }

    @Test func `a stranger's long transaction does not stop the numbering`() async throws {
        let database = try TestDatabase.current
        let stranger = try await database.connect()
        try await stranger.execute("BEGIN; CREATE TABLE elsewhere (); SELECT pg_current_xact_id()")
        try await TestHouse.withPool { pool in
            let sequencer = Self.sequencer(pool, batch: 2)
            for n in 1...3 {
                try await database.execute(Self.insert((n * 3)...(n * 3 + 2)))
                while try await sequencer.runOnce() > 0 {}
                #expect(try await Self.head("published_head", database) == Int64(n * 3))
            }
        }
        await stranger.close()
        #expect(try await Self.feed(database).isDense)
    }

    @Test func `the payload has the lines, and the chain can be checked from outside`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result(bills: [2000, 50], funds: [2050])], pool)
            _ = try await LedgerTests.close(TestAnswers.closed(), pool)
            #expect(try await Self.sequencer(pool).runOnce() == 2)
        }
        let database = try TestDatabase.current
        let payload = try await database.text("SELECT convert_from(payload, 'UTF8') FROM settled.feed WHERE seq = 2")
        let json = try JSONValue(parsing: Array((payload ?? "").utf8))
        #expect(json["kind"]?.text == "reversal")
        #expect(json["total_amount"]?.text == "-20.50")
        #expect(json["original_id"]?.text == "1")
        guard case .array(let bills) = json["bills"] else {
            Issue.record("no bills: \(payload ?? "")")
            return
        }
        #expect(bills.map { $0["amount_fen"]?.text } == ["-2000", "-50"])
        // The same computation in SQL, which knows nothing of ours.
        #expect(
            try await database.number(
                """
                SELECT count(*) FROM settled.feed f LEFT JOIN settled.feed p ON p.seq = f.seq - 1
                WHERE f.hash = sha256(convert_to(encode(coalesce(p.hash, decode(repeat('00', 32), 'hex')), 'hex'), 'UTF8')
                                      || int8send(f.seq) || f.payload)
                  AND f.prev_hash = coalesce(p.hash, decode(repeat('00', 32), 'hex'))
                """) == 2)
        for person in ["2088000000000009", "138****8000", "1-101"] { #expect(payload?.contains(person) == false) }
    }

    /// A plan that reads all of the feed for each batch is what the planner takes while a young table outgrows its statistics.
    @Test(
        "The search for what has no number begins at the low water in both tables, however they are joined",
        arguments: ["hashjoin", "mergejoin", "nestloop"])
    func bounded(join: String) async throws {
        let connection = Connection(try TestDatabase.current.settings)
        try await connection.connect()
        for other in ["hashjoin", "mergejoin", "nestloop"] where other != join {
            try await connection.execute("SET enable_\(other) = off")
        }
        try await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        try await connection.execute("PREPARE pending (text, int8, int8) AS \(PendingSettlements.heads.sql)")
        let plan = try await connection.query(
            Statement("test.plan", "EXPLAIN (COSTS OFF) EXECUTE pending('main', 7, 10)")
        ).map { try $0.text(0) }
        await connection.close()
        let conditions = plan.filter { $0.contains("Cond:") || $0.contains("Filter:") }
        #expect(conditions.contains { $0.contains("(id > $2)") }, "\(plan)")
        #expect(conditions.contains { $0.contains("(settlement_id > $2)") }, "\(plan)")
    }

    @Test func `a feed that does not exist is an error`() async throws {
        try await TestHouse.withPool { pool in
            let sequencer = Sequencer(
                feed: "none", pool: pool, signal: Signal(), metrics: Metrics(), logger: TestHouse.logger)
            await #expect(throws: FeedError.self) { try await sequencer.runOnce() }
            await #expect(throws: FeedError.self) { try await FeedReader(pool: pool).head(of: "none") }
        }
    }
}
