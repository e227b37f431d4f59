import Alipay
import JobQueue
import Postgres
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// What the sweep does about expectations whose time is up, and what it leaves alone.
@Suite(.timeLimit(.minutes(5))) struct ExpectationSweepTests {
    private typealias House = ExpectationHouse
    private typealias Look = ExpectationStep.Look

    static let steps: [(look: ExpectationStep.Look, step: ExpectationStep)] = [
        (Look(), .ask), (Look(liveJob: 7), .join(7)), (Look(wasAsked: true), .wait),
        (Look(wasAsked: true, liveJob: 7), .wait), (Look(canBeAsked: false), .wait), (Look(isSettled: true), .fulfil),
        (Look(isSettled: true, canBeAsked: false), .fulfil),
        (Look(isSettled: true, wasAsked: true, liveJob: 7), .fulfil),
    ]

    @Test(arguments: steps) func `a payment is asked about once, and nothing is that is settled`(
        look: ExpectationStep.Look, step: ExpectationStep
    ) {
        #expect(ExpectationStep(look) == step)
    }

    @Test func `what stays missing is looked at ever more seldom`() {
        for (overdue, pause) in [(0, 1), (-5, 1), (300, 30), (5000, 500), (86_400, 600), (10_000_000, 600)] {
            #expect(ExpectationStep.pause(after: .seconds(overdue)) == .seconds(pause))
        }
    }

    @Test(.database)
    func `the gateway is asked once about each payment whose time is up, as by hand, and never about a bill`()
        async throws
    {
        try await TestHouse.withPool { pool in
            try await House.add(
                [
                    House.trade("T1"), House.trade("T2", wait: .seconds(600)), House.token("Q"), try House.bill("B1"),
                    House.trade("T3", seller: TestHouse.sellerID),
                ], pool)
            let sweep = try House.sweep(pool)
            var tally = try await sweep.runOnce()
            #expect(tally.asked == 3 && tally.fulfilled == 0)
            let database = try TestDatabase.current
            let jobs = """
                SELECT string_agg(concat_ws(' ', subject, priority, unique_key, args->>'source'), ', ' ORDER BY subject)
                FROM settled.jobs
                """
            let app = TestHouse.appID
            let asked =
                "Q 2 query:\(app)::token:Q cplife, T1 2 query:\(app)::trade_no:T1 cplife, "
                + "T3 2 query:\(app):\(TestHouse.sellerID):trade_no:T3 cplife"
            #expect(try await database.text(jobs) == asked)
            try await House.makeDue()
            tally = try await sweep.runOnce()
            #expect(tally == ExpectationSweep.Tally(), "nothing is asked twice")
            #expect(try await database.text(jobs) == asked)
            #expect(
                try await database.number(
                    "SELECT count(*) FROM settled.expectations e JOIN settled.jobs j ON j.id = e.job_id AND j.subject = coalesce(e.trade_no, e.query_token)"
                ) == 3)
        }
    }

    @Test(.database) func `a job that stands already is joined, whoever wanted it, and another app's is not`()
        async throws
    {
        try await TestHouse.withPool { pool in
            let ids = try await pool.transaction(FeedReader.lane) { tx in
                let known = PayResultJob(source: "cplife", appID: TestHouse.appID, tradeNo: "T1")
                let foreign = PayResultJob(source: "x", appID: "2021000000000009", tradeNo: "T3")
                // By a notification, twice, the first of them quarantined; by hand; by another app.
                return try JobQueue.enqueue(
                    [known, known].map {
                        NewJob(queue: PayResultJob.queue, kind: PayResultJob.kind, args: $0.args, subject: $0.subject)
                    } + [
                        PayResultJob(source: "s", appID: TestHouse.appID, tradeNo: "T2")
                            .question(namedSeller: nil, priority: .urgent),
                        foreign.question(namedSeller: nil, priority: .low),
                    ], in: tx
                ).map(\.jobID)
            }
            let database = try TestDatabase.current
            try await database.execute(
                "UPDATE settled.jobs SET state = 'quarantined', cause = 'c', message = 'm' WHERE id = \(ids[0])")
            try await House.add([House.trade("T1"), House.trade("T2"), House.trade("T3")], pool)
            let tally = try await House.sweep(pool).runOnce()
            #expect(tally.joined == 2 && tally.asked == 1)
            let joined = try await database.text(
                "SELECT string_agg(job_id::text, ' ' ORDER BY id) FROM settled.expectations WHERE trade_no <> 'T3'")
            #expect(joined == "\(ids[1]) \(ids[2])")
            #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 5)
        }
    }

    @Test(.database) func `two sweeps at once queue one job, also over many batches`() async throws {
        try await TestHouse.withPool([FeedReader.lane: 4]) { pool in
            try await House.add((1...300).map { House.trade("T\($0)") }, pool)
            let sweeps = try (0..<4).map { _ in try House.sweep(pool, batch: 7) }
            let asked = try await withThrowingTaskGroup(of: Int.self) { group in
                for sweep in sweeps { group.addTask { try await sweep.runOnce().asked } }
                return try await group.reduce(0, +)
            }
            // Whoever came to locked rows alone ended early; what is left is the next one's.
            let rest = try await House.sweep(pool).runOnce().asked
            #expect(asked + rest == 300)
            let database = try TestDatabase.current
            #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 300)
            #expect(try await database.number("SELECT count(DISTINCT job_id) FROM settled.expectations") == 300)
        }
    }

    @Test(.database) func `what another sweep has locked is left to it, and nobody waits`() async throws {
        try await TestHouse.withPool { pool in
            try await House.addInTurn([House.trade("T1"), House.trade("T2")], pool)
            let other = try await TestDatabase.current.connect()
            try await other.execute("BEGIN")
            try await other.execute("SELECT FROM settled.expectations WHERE trade_no = 'T1' FOR UPDATE")
            #expect(try await House.sweep(pool).runOnce().asked == 1)
            let subjects = "SELECT string_agg(subject, ' ' ORDER BY subject) FROM settled.jobs"
            #expect(try await TestDatabase.current.text(subjects) == "T2")
            // It ends without having done anything, as one that is killed: what it had locked is the next one's.
            try await other.execute("ROLLBACK")
            await other.close()
            #expect(try await House.sweep(pool).runOnce().asked == 1)
            #expect(try await TestDatabase.current.text(subjects) == "T1 T2")
        }
    }

    @Test(.database) func `a settlement fulfils a trade without any hook, and a reversal does not take that back`()
        async throws
    {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result("T1")], pool)
            try await House.add([House.trade("T1"), House.trade("T2")], pool)
            let sweep = try House.sweep(pool)
            var tally = try await sweep.runOnce()
            #expect(tally.fulfilled == 1 && tally.asked == 1, "what is settled is not asked about")
            _ = try await LedgerTests.settle([TestAnswers.result("T2")], pool)
            #expect(try await House.states(pool) == ["T1 fulfilled", "T2 fulfilled"], "before any sweep")
            try await House.makeDue()
            tally = try await sweep.runOnce()
            #expect(tally.fulfilled == 1)
            #expect(try await ExpectationRecords(pool: pool).openExpectations() == [.waiting: 0, .missing: 0])
            _ = try await LedgerTests.close(TestAnswers.closed("T1"), pool)
            #expect(try await sweep.runOnce() == ExpectationSweep.Tally())
            #expect(try await House.states(pool) == ["T1 fulfilled", "T2 fulfilled"])
        }
    }

    @Test(.database)
    func `a bill is fulfilled by the lines that name it, as much as was expected, while nothing is reversed`()
        async throws
    {
        try await TestHouse.withPool { pool in
            try await House.addInTurn(
                [try House.bill("B1", fen: 3000), try House.bill("B1", community: "C2"), try House.bill("B3")], pool)
            let sweep = try House.sweep(pool)
            _ = try await sweep.runOnce()
            #expect(try await House.states(pool) == ["B1 missing", "B1 missing", "B3 missing"])
            _ = try await LedgerTests.settle([TestAnswers.result("T1", fen: 1000)], pool)
            #expect(try await House.states(pool)[0] == "B1 missing", "10.00 of 30.00")
            _ = try await LedgerTests.settle([TestAnswers.result("T2", fen: 2000)], pool)
            #expect(try await House.states(pool) == ["B1 fulfilled", "B1 missing", "B3 missing"])
            try await House.makeDue()
            #expect(try await sweep.runOnce().fulfilled == 1)

            _ = try await LedgerTests.close(TestAnswers.closed("T1"), pool)
            #expect(try await House.states(pool)[0] == "B1 missing")
            let tally = try await sweep.runOnce()
            #expect(tally.reopened == 1 && tally.fulfilled == 0 && tally.asked == 0)
            #expect(try await sweep.runOnce().reopened == 0)
            var filter = ExpectationRecords.Filter()
            filter.state = .missing
            #expect(try await ExpectationRecords(pool: pool).list(filter).map(\.done).last == "20.00 of 30.00 settled")
        }
    }

    @Test(.database) func `a token is fulfilled by the trade that a signed answer to it named`() async throws {
        try await TestHouse.withPool { pool in
            try await House.addInTurn(
                [House.token("Q1"), House.token("Q2"), House.token("Q3"), House.token("Q4")], pool)
            _ = try await House.sweep(pool).runOnce()
            let handler = PayResultHandler(keyring: Keyring(Credentials()), metrics: Metrics())
            func job(_ token: String, tradeNo: String? = nil, app: String = TestHouse.appID) -> PayResultJob {
                PayResultJob(source: "s", appID: app, tradeNo: tradeNo, queryToken: token)
            }
            func settle(_ job: PayResultJob, trade: String) -> PayResultHandler.Output {
                let draft = SettlementDraft(
                    job: job, result: TestAnswers.result(trade), sellerID: TestHouse.sellerID,
                    evidence: TestAnswers.evidence())
                return PayResultHandler.Output(job: job, confirmation: .settle(draft), log: nil)
            }
            let closed = ClosedTrade(
                job: job("Q4"), result: TestAnswers.result("T4", status: .closed), evidence: TestAnswers.evidence())
            // Asked with the token; with the number, whatever token came along; by another app; closed before any settlement.
            let outputs = [
                settle(job("Q1"), trade: "T1"), settle(job("Q2", tradeNo: "T2"), trade: "T2"),
                settle(job("Q3", app: "2021000000000009"), trade: "T3"),
                PayResultHandler.Output(job: job("Q4"), confirmation: .closed(closed), log: nil),
            ]
            let finished = outputs.enumerated().map { index, output in
                (
                    lease: Lease(
                        jobID: Int64(index + 1), epoch: 1, queue: PayResultJob.queue, kind: PayResultJob.kind,
                        args: output.job?.args ?? ""), output: output
                )
            }
            _ = try await pool.transaction("work") { tx in try handler.record(finished, in: tx) }
            #expect(
                try await House.states(pool) == ["Q1 fulfilled", "Q2 missing", "Q3 missing", "Q4 missing"])
            // The same answer again, as a replay brings it, changes nothing.
            _ = try await pool.transaction("work") { tx in try handler.record(finished, in: tx) }
            #expect(
                try await TestDatabase.current.text(
                    "SELECT string_agg(concat_ws(' ', query_token, trade_no, job_id), ', ' ORDER BY query_token) FROM settled.token_trades"
                ) == "Q1 T1 1, Q3 T3 3, Q4 T4 4")
        }
    }

    @Test(.database) func `what ended long ago goes, and what is missing stays`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result("T1"), TestAnswers.result("T2")], pool)
            let ids = try await House.addInTurn(["T1", "T2", "T3", "T4"].map { House.trade($0) }, pool).map(\.id)
            _ = try await ExpectationBook(pool: pool).cancel([ids[2]], by: Actor("t", reason: "r"))
            let sweep = try House.sweep(pool, retention: .seconds(3600))
            #expect(try await sweep.runOnce().removed == 0)
            try await TestDatabase.current.execute(
                """
                UPDATE settled.expectations SET fulfilled_at = fulfilled_at - interval '2 hours' WHERE trade_no = 'T1';
                UPDATE settled.expectations SET cancelled_at = cancelled_at - interval '2 hours';
                UPDATE settled.expectations SET due_at = due_at - interval '2 years', added_at = added_at - interval '2 years'
                """)
            #expect(try await sweep.runOnce().removed == 2)
            #expect(try await House.states(pool) == ["T2 fulfilled", "T4 missing"])
        }
    }
}
