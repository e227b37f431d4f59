import Alipay
import Postgres
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Many deliveries, one commit, and an answer of its own for each.
@Suite(.database, .timeLimit(.minutes(5))) struct GroupCommitTests {
    private static func stored(_ tradeNo: String, from address: String = "192.0.2.1") throws -> StoredDelivery {
        let source = try TestHouse.source()
        let delivery = try SignedNotification.delivery(["trade_no": tradeNo], from: address)
        let notification = try source.verifier.verify(body: delivery.body, contentType: delivery.contentType)
        return StoredDelivery(
            notification, from: source, delivery: delivery,
            screening: Screening(notification, from: source, merchants: TestHouse.merchants))
    }

    /// What became of `deliveries`, which all waited before the first lane began to write.
    private static func verdicts(
        _ deliveries: [StoredDelivery], _ group: GroupCommit
    ) async -> [String] {
        await withTaskGroup(of: (Int, String).self) { tasks in
            for (index, delivery) in deliveries.enumerated() {
                tasks.addTask {
                    switch await group.submit(delivery) {
                    case .stored(let result): (index, result.rawValue)
                    case .unavailable(let cause): (index, cause)
                    }
                }
            }
            while group.waiting < deliveries.count { await Task.yield() }
            let running = Task { await group.run() }
            var verdicts = [String](repeating: "", count: deliveries.count)
            for await (index, verdict) in tasks { verdicts[index] = verdict }
            running.cancel()
            await running.value
            return verdicts
        }
    }

    private static func group(
        _ pool: Pool, lanes: Int = 1, waiting: Int = 8192, late: Duration = .milliseconds(20)
    ) -> GroupCommit {
        var limits = GroupCommit.Limits()
        limits.lanes = lanes
        limits.waiting = waiting
        limits.late = late
        return GroupCommit(pool: pool, lane: Intake.lane, limits: limits, logger: TestHouse.logger)
    }

    @Test func `a hundred that wait together are one transaction`() async throws {
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(try (0..<100).map { try Self.stored("T\($0)") }, Self.group(pool))
            #expect(verdicts == [String](repeating: "new", count: 100))
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(DISTINCT xmin::text) FROM settled.deliveries") == 1)
        #expect(try await database.number("SELECT count(*) FROM settled.jobs WHERE state = 'ready'") == 100)
    }

    @Test func `equal ones in one batch are one job, and each is a row`() async throws {
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(
                try ["A", "B", "A", "A"].map { try Self.stored($0) }, Self.group(pool))
            #expect(verdicts.filter { $0 == "new" }.count == 2)
            #expect(verdicts.filter { $0 == "duplicate" }.count == 2)
            #expect(verdicts[1] == "new")
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 2)
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 4)
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries WHERE result = 'duplicate'") == 2)
    }

    @Test func `one that the database refuses is kept as bytes and does not harm its neighbours`() async throws {
        let database = try TestDatabase.current
        try await database.execute(
            "ALTER TABLE settled.deliveries ADD CONSTRAINT refuses CHECK (remote_address <> 'poison')")
        let poison = try Self.stored("T50", from: "poison")
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(
                try (0..<100).map { try $0 == 50 ? poison : Self.stored("T\($0)") }, Self.group(pool))
            var expected = [String](repeating: "new", count: 100)
            expected[50] = "quarantined"
            #expect(verdicts == expected)
        }
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 100)
        #expect(try await database.number("SELECT count(*) FROM settled.jobs WHERE state = 'ready'") == 99)
        #expect(
            try await database.text(
                """
                SELECT j.cause || ' ' || (j.args ->> 'app_id') FROM settled.jobs j
                JOIN settled.notification_keys k ON k.job_id = j.id JOIN settled.deliveries d USING (digest)
                WHERE j.state = 'quarantined' AND d.result = 'quarantined'
                """) == "unstorable \(TestHouse.appID)")
        let body = try await database.text(
            "SELECT encode(body, 'hex') FROM settled.deliveries WHERE result = 'quarantined'")
        #expect(body == Digest.hex(poison.delivery.body))
    }

    @Test func `what the database refuses in any form is not acknowledged`() async throws {
        let database = try TestDatabase.current
        try await database.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON settled.jobs FOR EACH ROW WHEN (NEW.subject = 'T1' OR NEW.subject IS NULL)
                EXECUTE FUNCTION refuse()
            """)
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(try ["T0", "T1", "T2"].map { try Self.stored($0) }, Self.group(pool))
            #expect(verdicts == ["new", "not_durable", "new"])
        }
        #expect(try await database.number("SELECT count(*) FROM settled.notification_keys") == 2)
    }

    @Test func `a missing table is nobody's fault: nothing is halved, nothing acknowledged`() async throws {
        let database = try TestDatabase.current
        try await database.execute("ALTER TABLE settled.jobs RENAME TO gone")
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(try (0..<9).map { try Self.stored("T\($0)") }, Self.group(pool))
            #expect(verdicts == [String](repeating: "not_durable", count: 9))
        }
        #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 0)
    }

    @Test func `a connection that breaks during the write acknowledges nothing, and the next batch gets another`()
        async throws
    {
        try await Self.breaks("FOR EACH ROW")
    }

    @Test func `a connection that breaks during COMMIT acknowledges nothing, and the next batch gets another`()
        async throws
    {
        try await Self.breaks("DEFERRABLE INITIALLY DEFERRED FOR EACH ROW")
    }

    /// A trigger ends its own server process: while the batch is written, or inside its COMMIT.
    private static func breaks(_ when: String) async throws {
        let database = try TestDatabase.current
        try await database.execute(
            """
            CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(0); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON settled.notification_keys \(when)
                EXECUTE FUNCTION cut()
            """)
        try await TestHouse.withPool { pool in
            let cut = await Self.verdicts(try (0..<20).map { try Self.stored("T\($0)") }, Self.group(pool))
            #expect(cut == [String](repeating: "not_durable", count: 20))
            #expect(try await database.number("SELECT count(*) FROM settled.deliveries") == 0)
            #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 0)
            try await database.execute("DROP FUNCTION cut CASCADE")
            let again = await Self.verdicts(try (0..<20).map { try Self.stored("T\($0)") }, Self.group(pool))
            #expect(again == [String](repeating: "new", count: 20))
        }
    }

    @Test func `a read-only database acknowledges nothing`() async throws {
        let database = try TestDatabase.current
        try await database.execute("ALTER DATABASE \(database.name) SET default_transaction_read_only = on")
        try await TestHouse.withPool { pool in
            let verdicts = await Self.verdicts(try ["A", "B"].map { try Self.stored($0) }, Self.group(pool))
            #expect(verdicts == ["not_durable", "not_durable"])
        }
    }

    @Test func `two lanes that write the same keys in opposite order do not deadlock`() async throws {
        try await TestHouse.withPool { pool in
            let all = try (0..<40).map { try Self.stored("T\($0)") }
            let first = Self.group(pool)
            let second = Self.group(pool)
            async let forward = Self.verdicts(all, first)
            async let backward = Self.verdicts(all.reversed(), second)
            let both = await (forward, Array(backward.reversed()))
            for (a, b) in zip(both.0, both.1) { #expect([a, b].sorted() == ["duplicate", "new"]) }
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 40)
        #expect(
            try await database.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0)
    }

    @Test func `beside a lane that writes another starts for twenty-four, which are one transaction`() async throws {
        try await Self.besideAStuckLane(late: .seconds(3600), count: 24)
        let database = try TestDatabase.current
        #expect(
            try await database.number("SELECT count(DISTINCT xmin::text) FROM settled.deliveries") == 2,
            "the one that was stuck, and those that waited for company")
    }

    @Test func `one that waits behind a lane that is stuck is written by another`() async throws {
        try await Self.besideAStuckLane(late: .milliseconds(1), count: 1)
    }

    /// The first delivery waits in its lane for a key that a transaction outside holds; `count` more are stored meanwhile.
    private static func besideAStuckLane(late: Duration, count: Int) async throws {
        let database = try TestDatabase.current
        let stuck = try stored("STUCK")
        let more = try (0..<count).map { try stored("T\($0)") }
        try await TestHouse.withPool { pool in
            let group = group(pool, lanes: 2, late: late)
            let running = Task { await group.run() }
            let first = try await pool.withConnection(FeedReader.lane) { outside in
                try await outside.execute("BEGIN")
                _ = try await outside.query(
                    Statement("test.hold", "INSERT INTO settled.notification_keys (digest, job_id) VALUES ($1, 0)"),
                    [.bytea(stuck.digest)])
                let first = Task { await group.submit(stuck) }
                while try await database.number(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ) == 0 {}
                let verdicts = await withTaskGroup(of: String.self) { tasks in
                    for delivery in more {
                        tasks.addTask {
                            guard case .stored(let result) = await group.submit(delivery) else { return "not stored" }
                            return result.rawValue
                        }
                    }
                    return await tasks.reduce(into: []) { $0.append($1) }
                }
                #expect(verdicts == [String](repeating: "new", count: count))
                try await outside.execute("ROLLBACK")
                return first
            }
            guard case .stored(.new) = await first.value else {
                Issue.record("the one that was stuck was not stored")
                return
            }
            running.cancel()
            await running.value
        }
    }

    @Test func `who comes when too many wait is turned away at once`() async throws {
        try await TestHouse.withPool { pool in
            let group = Self.group(pool, waiting: 3)
            let deliveries = try (0..<4).map { try Self.stored("T\($0)") }
            let waiting = deliveries[..<3].map { delivery in Task { await group.submit(delivery) } }
            while group.waiting < 3 { await Task.yield() }
            guard case .unavailable("overloaded") = await group.submit(deliveries[3]) else {
                Issue.record("a fourth was taken")
                return
            }
            // Those who wait are written all the same, also by a lane that starts when the end has come.
            let running = Task { await group.run() }
            running.cancel()
            await running.value
            #expect(group.waiting == 0)
            for task in waiting { _ = await task.value }
        }
    }

    @Test func `after its end it takes nothing`() async throws {
        try await TestHouse.withPool { pool in
            let group = Self.group(pool)
            let running = Task { await group.run() }
            running.cancel()
            await running.value
            guard case .unavailable("shutting_down") = await group.submit(try Self.stored("T")) else {
                Issue.record("a delivery was taken that nobody writes")
                return
            }
        }
    }
}
