import JobQueue
import Postgres
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Expectations that are added, looked up and cancelled.
@Suite(.database, .timeLimit(.minutes(5))) struct ExpectationBookTests {
    private typealias House = ExpectationHouse

    private static func results(_ entries: [ExpectationBook.Entry]) -> [String] { entries.map(\.result.rawValue) }

    @Test func `an expectation is added once, however often and by whomever, and a rehearsal adds none`() async throws {
        try await TestHouse.withPool { pool in
            let book = ExpectationBook(pool: pool)
            let some = [House.trade("T1"), try House.bill("1"), House.token("Q"), House.trade("T1")]
            let rehearsed = try await book.add(some, by: "test", isRehearsal: true)
            #expect(Self.results(rehearsed) == ["added", "added", "added", "known"])
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.expectations") == 0)
            let added = try await House.add(some, pool)
            #expect(Self.results(added) == ["added", "added", "added", "known"])
            #expect(added[3].id == added[0].id)
            // The same bill id is another bill in another community, and the first word stands.
            let more = [
                House.trade("T1", wait: .seconds(60)), try House.bill("1", due: "2030-01-01"),
                try House.bill("1", community: "C2"),
            ]
            let again = try await House.add(more, pool)
            #expect(Self.results(again) == ["known", "known", "added"])
            #expect(again[1].dueAt == added[1].dueAt)
            // Many at the same moment, in different orders: one of them is first.
            let all = (1...50).map { House.trade("P\($0)") }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for turn in 0..<4 {
                    group.addTask {
                        let entries = try await House.add(turn % 2 == 0 ? all : all.reversed(), pool)
                        return entries.count { $0.result == .added }
                    }
                }
                var count = 0
                for try await added in group { count += added }
                #expect(count == 50)
            }
        }
    }

    @Test func `more than one statement takes are added in one transaction, or none of them`() async throws {
        try await TestHouse.withPool { pool in
            let many = (1...4100).map { House.trade("T\($0)") }
            let database = try TestDatabase.current
            // The last one in the order of the keys cannot be written.
            try await database.execute(
                "ALTER TABLE settled.expectations ADD CONSTRAINT refused CHECK (trade_no <> 'T999')")
            await #expect(throws: PostgresError.self) { try await House.add(many, pool) }
            #expect(try await database.number("SELECT count(*) FROM settled.expectations") == 0)
            try await database.execute("ALTER TABLE settled.expectations DROP CONSTRAINT refused")
            #expect(try await House.add(many, pool).count { $0.result == .added } == 4100)
        }
    }

    @Test func `one that was cancelled is kept with the reason, and is expected again when it is added again`()
        async throws
    {
        try await TestHouse.withPool { pool in
            let book = ExpectationBook(pool: pool)
            _ = try await LedgerTests.settle([TestAnswers.result("T2")], pool)
            let ids = try await House.addInTurn(
                [House.trade("T1"), House.trade("T2"), try House.bill("9", fen: 100)], pool
            ).map(\.id)
            let actor = Actor("tester", reason: "paid in cash")
            let rehearsed = try await book.cancel(ids + [4711], by: actor, isRehearsal: true)
            #expect(rehearsed.map(\.result) == [.cancelled, .fulfilled, .cancelled])
            #expect(try await book.cancel(ids, by: actor).map(\.result) == [.cancelled, .fulfilled, .cancelled])
            #expect(try await book.cancel([ids[0]], by: actor).map(\.result) == [.unchanged])
            #expect(try await House.states(pool) == ["T1 cancelled", "T2 fulfilled", "9 cancelled"])
            let database = try TestDatabase.current
            #expect(
                try await database.number(
                    "SELECT count(*) FROM settled.audit_log WHERE action = 'expectation.cancel' AND reason = 'paid in cash'"
                )
                    == 2)
            let again = try await House.add(
                [try House.bill("9", due: "2030-01-01", fen: 250), House.trade("T1", wait: .seconds(60))], pool)
            #expect(Self.results(again) == ["reopened", "reopened"])
            #expect(again.map(\.state) == [.waiting, .waiting])
            let bill = try #require(try await ExpectationRecords(pool: pool).show(ids[2]))
            #expect(bill.amountFen == 250 && bill.dueOn == "2030-01-01" && bill.cancelled == nil)
        }
    }

    @Test func `expectations are found by what they are, page by page, each with its age and what was done`()
        async throws
    {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result("T3", fen: 2050, bills: [1500, 550])], pool)
            let job = try await pool.transaction(FeedReader.lane) { tx in
                let work = PayResultJob(source: "s", appID: TestHouse.appID, tradeNo: "T1")
                return try JobQueue.enqueue([work.question(namedSeller: nil, priority: .low)], in: tx)[0].jobID
            }
            let ids = try await House.addInTurn(
                [
                    House.trade("T1"), House.trade("T2", wait: .seconds(3600)), House.trade("T3"), House.token("Q"),
                    try House.bill("B1"), try House.bill("B2", fen: 600), try House.bill("B9"),
                ], pool
            ).map(\.id)
            _ = try await House.sweep(pool).runOnce()
            try await TestDatabase.current.execute(
                """
                UPDATE settled.jobs SET state = 'quarantined', cause = 'PAY_INFO_NOT_EXISTING', message = 'unknown there'
                WHERE id = \(job);
                UPDATE settled.expectations SET due_at = due_at - interval '2 hours' WHERE trade_no = 'T1'
                """)
            let records = ExpectationRecords(pool: pool)
            #expect(
                try await House.states(pool) == [
                    "T1 missing", "T2 waiting", "T3 fulfilled", "Q missing", "B1 fulfilled", "B2 missing", "B9 missing",
                ])
            var filter = ExpectationRecords.Filter()
            filter.state = .missing
            let missing = try await records.list(filter)
            try #require(missing.map(\.subject) == ["B9", "B2", "Q", "T1"])
            #expect(missing.map(\.kind) == [.bill, .bill, .token, .trade])
            #expect(missing[0].done == "a bill cannot be asked for")
            #expect(missing[1].done == "5.50 of 6.00 settled")
            #expect(missing[3].done == "job \(job) quarantined (PAY_INFO_NOT_EXISTING)")
            #expect((7200...7260).contains(missing[3].overdueSeconds))
            let json = try JSONValue(parsing: missing[3].json)
            #expect(json["trade_no"]?.text == "T1" && json["query_token"] == .null && json["state"]?.text == "missing")
            #expect(json["job_id"] == .number("\(job)") && json["message"]?.text == "unknown there")
            filter.limit = 2
            filter.before = missing[1].id
            #expect(try await records.list(filter).map(\.subject) == ["Q", "T1"])
            for (state, subjects) in [
                (ExpectationState.waiting, ["T2"]), (.fulfilled, ["B1", "T3"]), (.cancelled, []),
            ] {
                var filter = ExpectationRecords.Filter()
                filter.state = state
                #expect(try await records.list(filter).map(\.subject) == subjects)
            }
            filter = ExpectationRecords.Filter()
            filter.billEntryID = "B1"
            filter.communityID = "C1"
            let bill = try #require(try await records.list(filter).first)
            #expect(bill.settled?.fen == 1500 && bill.done == "settlement \(bill.settled?.settlementID ?? 0)")
            filter.communityID = "C2"
            #expect(try await records.list(filter).isEmpty)
            filter = ExpectationRecords.Filter()
            filter.queryToken = "Q"
            #expect(try await records.list(filter).map(\.id) == [ids[3]])
            filter = ExpectationRecords.Filter()
            filter.tradeNo = "T2"
            let waiting = try #require(try await records.list(filter).first)
            #expect(waiting.done == "nothing yet" && (-3600 ... -3500).contains(waiting.overdueSeconds))
            #expect(try JSONValue(parsing: waiting.json)["overdue_seconds"] == .number("0"))
            #expect(try await records.show(4711) == nil)
            #expect(try await records.openExpectations() == [.waiting: 1, .missing: 4])
        }
    }

    static let refused = [
        "INSERT INTO settled.expectations (app_id, trade_no, query_token, due_at, next_look_at, added_by) VALUES ('1', 'T', 'Q', now(), now(), 't')",
        "INSERT INTO settled.expectations (trade_no, due_at, next_look_at, added_by) VALUES ('T', now(), now(), 't')",
        "INSERT INTO settled.expectations (app_id, due_at, next_look_at, added_by) VALUES ('1', now(), now(), 't')",
        "INSERT INTO settled.expectations (bill_entry_id, due_on, due_at, next_look_at, added_by) VALUES ('B', now(), now(), now(), 't')",
        "INSERT INTO settled.expectations (bill_entry_id, community_id, due_at, next_look_at, added_by) VALUES ('B', 'C', now(), now(), 't')",
        "INSERT INTO settled.expectations (app_id, trade_no, amount_fen, due_at, next_look_at, added_by) VALUES ('1', 'T', 1, now(), now(), 't')",
        "INSERT INTO settled.expectations (bill_entry_id, community_id, due_on, amount_fen, due_at, next_look_at, added_by) VALUES ('B', 'C', now(), 0, now(), now(), 't')",
        "INSERT INTO settled.expectations (app_id, trade_no, due_at, next_look_at, added_by, cancelled_at) VALUES ('1', 'T', now(), now(), 't', now())",
    ]

    @Test(arguments: refused) func `the table refuses what is neither a payment nor a bill`(sql: String) async throws {
        let error = await #expect(throws: PostgresError.self) { try await TestDatabase.current.execute(sql) }
        #expect(["23514", "23502"].contains(error?.sqlState ?? ""), "\(String(describing: error))")
    }
}
