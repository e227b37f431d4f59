import Alipay
import Postgres
import TestSupport
import Testing

@testable import Settlement

/// Closures: what a signed "closed" does to a trade, before and after it was settled.
@Suite(.database, .timeLimit(.minutes(5))) struct ReversalTests {
    @Test func `a closed trade is reversed once, in full, with every line negative`() async throws {
        try await TestHouse.withPool { pool in
            let verdicts = try await LedgerTests.settle(
                [TestAnswers.result(bills: [2000, 50], funds: [2040, 10])], pool)
            let closure = try await LedgerTests.close(TestAnswers.closed(), pool)
            guard case .settled(let original) = verdicts[0], case .reversed(let reversal) = closure else {
                Issue.record("\(verdicts) \(closure)")
                return
            }
            #expect(original != reversal)
            #expect(try await LedgerTests.close(TestAnswers.closed(), pool) == .alreadyReversed(id: reversal))
            // An answer that says "paid" and comes late finds the payment and adds nothing.
            #expect(
                try await LedgerTests.settle([TestAnswers.result(bills: [2000, 50], funds: [2040, 10])], pool) == [
                    .stands(id: original)
                ])
        }
        let database = try TestDatabase.current
        #expect(
            try await database.text(
                """
                SELECT concat_ws(' ', r.total_fen, r.trade_status, r.trade_no, r.seller_id, o.kind, e.job_id, p.household_id)
                FROM settled.settlements r JOIN settled.settlements o ON o.id = r.original_id
                JOIN settled.evidence e ON e.id = r.evidence_id JOIN settled.settlement_parties p ON p.settlement_id = r.id
                WHERE r.kind = 'reversal'
                """) == "-2050 TRADE_CLOSED T1 \(TestHouse.sellerID) payment 77 1-101")
        #expect(try await database.number("SELECT sum(total_fen) FROM settled.settlements") == 0)
        for lines in ["settlement_bills", "settlement_funds"] {
            #expect(
                try await database.text(
                    "SELECT string_agg(amount_fen::text, ' ' ORDER BY settlement_id, line_no) FROM settled.\(lines)")
                    == (lines == "settlement_bills" ? "2000 50 -2000 -50" : "2040 10 -2040 -10"))
        }
        #expect(try await database.number("SELECT count(*) FROM settled.evidence") == 2)
    }

    @Test func `closed before anything was settled, nothing is due, and an older answer cannot change that`()
        async throws
    {
        try await TestHouse.withPool { pool in
            let closedAt: Int64 = 1_774_000_200_000_000
            #expect(try await LedgerTests.close(TestAnswers.closed(receivedAt: closedAt), pool) == .nothingDue)
            #expect(try await LedgerTests.close(TestAnswers.closed(receivedAt: closedAt - 9), pool) == .nothingDue)
            for late in [closedAt - 1, closedAt] {
                #expect(
                    try await LedgerTests.settle([TestAnswers.result()], receivedAt: late, pool) == [.outdated])
            }
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.settlements") == 0)
            // The gateway has the last word: a newer signed "paid" is settled.
            let newer = try await LedgerTests.settle([TestAnswers.result()], receivedAt: closedAt + 1, pool)
            guard case .settled = newer[0] else {
                Issue.record("\(newer)")
                return
            }
        }
    }

    @Test(arguments: ["evidence", "settlements", "settlement_bills", "settlement_funds", "feed", "audit_log"])
    func `what was written is never changed, by nobody`(table: String) async throws {
        let database = try TestDatabase.current
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result("T \(table)")], pool)
            _ = try await TokenStore(pool: pool).create(name: "t", scope: .read, actor: "test")
            try await SequencerTests.sequencer(pool).runOnce()
        }
        let column = try await database.text(
            """
            SELECT attname FROM pg_attribute WHERE attrelid = 'settled.\(table)'::regclass AND attnum > 0
            AND attidentity = '' ORDER BY attnum LIMIT 1
            """)
        let connection = try await database.connect()
        for change in [
            "UPDATE settled.\(table) SET \(column ?? "") = \(column ?? "")", "DELETE FROM settled.\(table)",
            "TRUNCATE settled.\(table) CASCADE",
        ] {
            do throws(PostgresError) {
                try await connection.execute(change)
                Issue.record("allowed: \(change)")
            } catch {
                #expect(error.sqlState == "23001", "\(change): \(error)")
            }
        }
        await connection.close()
    }
}
