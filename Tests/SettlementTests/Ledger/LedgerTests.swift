import Alipay
import Postgres
import TestSupport
import Testing

@testable import Settlement

/// Payments: at most one for a trade, with its proof and its lines.
@Suite(.database, .timeLimit(.minutes(5))) struct LedgerTests {
    static func settle(_ results: [PayResult], receivedAt: Int64 = 1_774_000_100_000_000, _ pool: Pool) async throws
        -> [Ledger.Verdict]
    {
        let drafts = results.enumerated().map {
            (jobID: Int64($0.offset + 1), draft: TestAnswers.draft($0.element, receivedAt: receivedAt))
        }
        return try await pool.transaction("work") { tx in
            try Ledger.lock(drafts.map(\.draft.result.tradeNo), in: tx)
            return try Ledger.settle(drafts, in: tx)
        }
    }

    static func close(_ trade: ClosedTrade, _ pool: Pool) async throws -> Ledger.Closure {
        try await pool.transaction("work") { tx in
            try Ledger.lock([trade.result.tradeNo], in: tx)
            return try Ledger.close(trade, jobID: 77, in: tx)
        }
    }

    @Test func `a hundred payments are one transaction, each with one proof and all its lines`() async throws {
        try await TestHouse.withPool { pool in
            let results = (1...100).map {
                TestAnswers.result("T\($0)", fen: Int64($0) * 100, bills: [Int64($0), Int64($0) * 99], funds: [5])
            }
            let verdicts = try await Self.settle(results, pool)
            #expect(Set(verdicts.compactMap { if case .settled(let id) = $0 { id } else { nil } }).count == 100)
        }
        let database = try TestDatabase.current
        #expect(
            try await database.number(
                """
                SELECT count(*) FROM settled.settlements s JOIN settled.evidence e ON e.id = s.evidence_id
                JOIN settled.settlement_parties p ON p.settlement_id = s.id
                WHERE s.trade_no = 'T' || s.job_id AND e.job_id = s.job_id AND s.total_fen = s.job_id * 100
                  AND s.total_fen = (SELECT sum(amount_fen) FROM settled.settlement_bills WHERE settlement_id = s.id)
                  AND 5 = (SELECT sum(amount_fen) FROM settled.settlement_funds WHERE settlement_id = s.id)
                """) == 100)
        #expect(try await database.number("SELECT count(*) FROM settled.evidence") == 100)
        #expect(
            try await database.number("SELECT count(*) FROM settled.settlement_bills WHERE line_no IN (1, 2)") == 200)
    }

    @Test func `what was proved is kept as it was`() async throws {
        try await TestHouse.withPool { pool in _ = try await Self.settle([TestAnswers.result()], pool) }
        let database = try TestDatabase.current
        let row = try await database.text(
            """
            SELECT concat_ws(' ', kind, s.trade_no, refund_no = '', app_id, seller_id, biz_type, room_id, community_id,
                total_fen, currency, trade_status, extract(epoch FROM paid_at)::int8, s.assurance, without_lines, method,
                encode(answer, 'escape'), signature, key_fingerprint, extract(epoch FROM verified_at)::int8,
                buyer_user_id, buyer_logon_id, household_id)
            FROM settled.settlements s JOIN settled.evidence e ON e.id = evidence_id
            JOIN settled.settlement_parties p ON p.settlement_id = s.id
            """)
        #expect(
            row
                == "payment T1 t \(TestHouse.appID) \(TestHouse.sellerID) 00 R1 C1 2050 CNY TRADE_SUCCESS 1774000000 signed f "
                + "\(PayResultQuery.method) {\"signed\":\"answer\"} c2ln ab12 1774000100 2088000000000009 138****8000 1-101"
        )
    }

    @Test func `the same trade again stands when it is equal, and is a conflict when it is not`() async throws {
        try await TestHouse.withPool { pool in
            let first = try await Self.settle([TestAnswers.result()], pool)
            guard case .settled(let id) = first[0] else {
                Issue.record("the first was not settled")
                return
            }
            #expect(try await Self.settle([TestAnswers.result()], pool) == [.stands(id: id)])
            let others: [(PayResult, String)] = [
                (TestAnswers.result(fen: 2051), "total_amount"),
                (TestAnswers.result(seller: "2088000000000777"), "seller_id"),
                (TestAnswers.result(bills: [2000, 50]), "bills"), (TestAnswers.result(bills: []), "bills"),
                (TestAnswers.result(funds: [2049, 1]), "funds"),
            ]
            for (other, field) in others {
                #expect(try await Self.settle([other], pool) == [.conflicts(id: id, field: field)])
            }
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT sum(total_fen) FROM settled.settlements") == 2050)
        #expect(try await database.number("SELECT count(*) FROM settled.evidence") == 1)
        #expect(try await database.number("SELECT count(*) FROM settled.settlement_bills") == 1)
        #expect(try await database.number("SELECT count(*) FROM settled.settlement_parties") == 1)
    }

    @Test func `of one trade several times in a batch the first is settled and the others are compared with it`()
        async throws
    {
        try await TestHouse.withPool { pool in
            let verdicts = try await Self.settle(
                [
                    TestAnswers.result("B"), TestAnswers.result("A"), TestAnswers.result("A"),
                    TestAnswers.result("A", fen: 1), TestAnswers.result("B", fen: 1),
                ], pool)
            guard case .settled(let b) = verdicts[0], case .settled(let a) = verdicts[1] else {
                Issue.record("the first ones were not settled: \(verdicts)")
                return
            }
            #expect(
                Array(verdicts[2...]) == [
                    .stands(id: a), .conflicts(id: a, field: "total_amount"), .conflicts(id: b, field: "total_amount"),
                ])
        }
        #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.evidence") == 2)
    }

    @Test func `two transactions with the same trades settle each once`() async throws {
        try await TestHouse.withPool(["work": 4]) { pool in
            let results = (0..<30).map { TestAnswers.result("T\($0)") }
            let all = try await withThrowingTaskGroup(of: [Ledger.Verdict].self) { tasks in
                for n in 0..<4 {
                    tasks.addTask {
                        try await Self.settle(n.isMultiple(of: 2) ? results : results.reversed(), pool)
                    }
                }
                return try await tasks.reduce(into: []) { $0 += $1 }
            }
            #expect(all.filter { if case .settled = $0 { true } else { false } }.count == 30)
            #expect(all.filter { if case .stands = $0 { true } else { false } }.count == 90)
        }
    }

    @Test func `the flag says whether a settlement has no lines`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await Self.settle(
                [TestAnswers.result("A", bills: []), TestAnswers.result("B", bills: [1]), TestAnswers.result("C")], pool
            )
        }
        #expect(
            try await TestDatabase.current.text(
                "SELECT string_agg(trade_no, '' ORDER BY trade_no) FROM settled.settlements WHERE without_lines") == "A"
        )
    }

    @Test func `an account number that recurs is two lines`() async throws {
        var twice = TestAnswers.result(bills: [1025, 1025])
        twice.bills[1].id = twice.bills[0].id
        let result = twice
        try await TestHouse.withPool { pool in _ = try await Self.settle([result], pool) }
        #expect(try await TestDatabase.current.number("SELECT sum(amount_fen) FROM settled.settlement_bills") == 2050)
    }

    @Test func `a refused draft takes the whole transaction back`() async throws {
        try await TestHouse.withPool { pool in
            _ = await #expect(throws: PostgresError.self) {
                _ = try await Self.settle(
                    [TestAnswers.result("A"), TestAnswers.result("B", fen: -1, bills: [])], pool)
            }
        }
        let database = try TestDatabase.current
        #expect(try await database.number("SELECT count(*) FROM settled.settlements") == 0)
        #expect(try await database.number("SELECT count(*) FROM settled.evidence") == 0)
    }
}
