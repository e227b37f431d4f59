import JobQueue
import Postgres
import Taobao
import TestSupport
import Testing

@testable import Settlement

/// One order after another answer: what is in the tables then.
@Suite(.database, .timeLimit(.minutes(5))) struct WithholdingHandlerTests {
    private typealias House = WithholdingHouse

    private static func withOrders<T: Sendable>(
        _ ids: [String] = ["1"], _ body: (Pool) async throws -> T
    ) async throws -> T {
        try await TestHouse.withPool { pool in
            _ = try await WithholdingRegister(pool: pool).add(ids.map { try House.order($0) }, by: "test")
            return try await body(pool)
        }
    }

    @Test func `each instalment that is paid becomes one settlement, and repeats add nothing`() async throws {
        let gateway = TOPGateway(
            House.answer("INIT", total: "120"),
            House.answer("PARTIAL_SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "INIT", "70")]),
            House.answer("PARTIAL_SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "INIT", "70")]),
            House.answer("SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "SUCCESSED", "70")]))
        let words = try await Self.withOrders { pool in
            let handler = try House.handler(gateway)
            var words: [String] = []
            for _ in 0..<5 { words.append(try await House.poll(House.order(), with: handler, pool)) }
            return words
        }
        #expect(words.map { $0.prefix(6) } == ["snooze", "snooze", "snooze", "done s", "done s"])
        let database = try TestDatabase.current
        #expect(
            try await database.text(
                """
                SELECT string_agg(concat_ws(' ', kind, pay_biz_code, biz_order_id, plan_id, alipay_trade_no, total_fen,
                                            s.assurance, trade_status, app_id, s.job_id, convert_from(answer, 'UTF8') LIKE '{"result"%',
                                            paid_at AT TIME ZONE 'Asia/Shanghai'), ', ' ORDER BY s.id)
                FROM settled.settlements s JOIN settled.evidence e ON e.id = s.evidence_id
                """)
                == "withholding R1 1 R1_1_1 202011 50 tls SUCCESSED 12345678 1 t 2020-01-10 10:00:00, "
                + "withholding R1 1 R1_1_2 202012 70 tls SUCCESSED 12345678 1 t 2020-01-10 10:00:00")
        #expect(
            try await database.text(
                """
                SELECT string_agg(concat_ws(' ', plan_id, pay_status, amount_fen, settlement_id IS NOT NULL), ', ' ORDER BY id)
                FROM settled.withholding_detail_history
                """) == "R1_1_1 SUCCESSED 50 t, R1_1_2 INIT 70 f, R1_1_2 SUCCESSED 70 t")
        #expect(
            try await database.text(
                "SELECT concat_ws(' ', pay_status, total_raw, total_fen, polls, ended_at IS NOT NULL) FROM settled.withholdings"
            )
                == "SUCCESSED 120 120 5 t")
        #expect(
            try await database.text("SELECT string_agg(verdict, ' ' ORDER BY id) FROM settled.withholding_polls")
                == "INIT PARTIAL_SUCCESSED PARTIAL_SUCCESSED SUCCESSED SUCCESSED")
        // Two answers are evidence, and the two that said the same again are not kept again.
        #expect(
            try await database.text("SELECT string_agg(verdict, ' ') FROM settled.gateway_log WHERE NOT signed")
                == "INIT")
        #expect(try await database.number("SELECT count(*) FROM settled.evidence WHERE assurance = 'tls'") == 2)
    }

    @Test func `an order that has ended stays so while the gateway is in trouble, and not when it says otherwise`()
        async throws
    {
        let gateway = TOPGateway(
            House.answer("SUCCESSED", total: "50", [(1, "SUCCESSED", "50")]), House.error(code: 10, sub: ""),
            House.answer("PARTIAL_SUCCESSED", total: "50", [(1, "SUCCESSED", "50")]))
        try await Self.withOrders { pool in
            let handler = try House.handler(gateway)
            let database = try TestDatabase.current
            let ended = "SELECT count(*) FROM settled.withholdings WHERE ended_at IS NOT NULL"
            for count: Int64 in [1, 1, 0] {
                _ = try await House.poll(House.order(), with: handler, pool)
                #expect(try await database.number(ended) == count)
            }
            #expect(try await database.number("SELECT count(*) FROM settled.settlements") == 1)
        }
    }

    @Test func `what an objection kept from the ledger is settled when the answer is right at last`() async throws {
        let gateway = TOPGateway(
            House.answer("SUCCESSED", total: "51", [(1, "SUCCESSED", "50")]),
            House.answer("SUCCESSED", total: "50", [(1, "SUCCESSED", "50")]))
        let words = try await Self.withOrders { pool in
            let handler = try House.handler(gateway)
            return [
                try await House.poll(House.order(), with: handler, pool),
                try await House.poll(House.order(), with: handler, pool),
            ]
        }
        #expect(words == ["quarantine details_mismatch", "done settled"])
        let database = try TestDatabase.current
        let settled = "settlement_id IS NOT NULL"
        #expect(try await database.number("SELECT count(*) FROM settled.withholding_details WHERE \(settled)") == 1)
        #expect(
            try await database.text(
                "SELECT string_agg((\(settled))::text, ' ' ORDER BY id) FROM settled.withholding_detail_history")
                == "false true")
    }

    @Test func `a changed amount of a settled instalment is for a person, and the first stays`() async throws {
        let gateway = TOPGateway(
            House.answer("PARTIAL_SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "INIT", "70")]),
            House.answer("SUCCESSED", total: "130", [(1, "SUCCESSED", "60"), (2, "SUCCESSED", "70")]))
        let words = try await Self.withOrders { pool in
            let handler = try House.handler(gateway)
            return [
                try await House.poll(House.order(), with: handler, pool),
                try await House.poll(House.order(), with: handler, pool),
            ]
        }
        #expect(words[1] == "quarantine settlement_conflict")
        let database = try TestDatabase.current
        #expect(try await database.text("SELECT string_agg(total_fen::text, ' ') FROM settled.settlements") == "50")
        // What was said last is shown beside it, in the details and their history.
        #expect(
            try await database.text(
                "SELECT string_agg(concat_ws(' ', plan_id, amount_fen), ', ' ORDER BY id) FROM settled.withholding_detail_history"
            )
                == "R1_1_1 50, R1_1_2 70, R1_1_1 60, R1_1_2 70")
        #expect(try await database.number("SELECT count(*) FROM settled.withholdings WHERE ended_at IS NULL") == 1)
    }

    @Test func `orders of one batch are written together, each with its own word`() async throws {
        let words = try await Self.withOrders(["1", "2", "3"]) { pool in
            let answers = [
                House.answer("SUCCESSED", total: "50", [(1, "SUCCESSED", "50")], id: "1"),
                House.answer("FAILED", total: "70", [(1, "SUCCESSED", "0.70")], id: "2"),
                House.error(code: 10, sub: ""),
                House.answer("SUCCESSED", total: "90", [(1, "SUCCESSED", "90")], id: "9"),
                House.answer("SUCCESSED", total: "50", [(1, "SUCCESSED", "50")], id: "1"),
            ]
            var finished: [(lease: Lease, output: WithholdingHandler.Output)] = []
            for (index, (answer, id)) in zip(answers, ["1", "2", "3", "9", "1"]).enumerated() {
                let lease = House.lease(try House.order(id), jobID: Int64(index + 1))
                finished.append((lease, await (try House.handler(TOPGateway(answer))).perform(lease)))
            }
            let handler = try House.handler(TOPGateway())
            return try await pool.transaction("work") { [finished] tx in try handler.record(finished, in: tx) }
                .map(WithholdingVerdictTests.word)
        }
        // Order 9 was never added; the last job asked about order 1, of which this batch has written already.
        #expect(
            words == ["done settled", "quarantine bad_amount", "retry 10", "quarantine unknown_order", "snooze 1.0"])
        let database = try TestDatabase.current
        #expect(try await database.text("SELECT string_agg(plan_id, ' ') FROM settled.settlements") == "R1_1_1")
        #expect(
            try await database.text(
                "SELECT string_agg(concat_ws(' ', biz_order_id, pay_status, total_raw, total_fen, polls), ', ' ORDER BY id) FROM settled.withholdings"
            )
                == "1 SUCCESSED 50 50 1, 2 FAILED 70 70 1, 3 1")
        // An amount that could not be read is kept as it came.
        #expect(
            try await database.text(
                "SELECT concat_ws(' ', amount_raw, amount_fen IS NULL) FROM settled.withholding_details WHERE biz_order_id = '2'"
            )
                == "0.70 t")
    }

    @Test func `a ban holds every order and every process back until it ends`() async throws {
        try await Self.withOrders(["1", "2"]) { pool in
            let banned = TOPGateway(
                House.error(
                    code: 7, sub: "accesscontrol.limited-by-app-access-count", "This ban will last for 600 more seconds"
                ))
            let handler = try House.handler(banned)
            let first = try await House.poll(House.order("1"), with: handler, pool)
            #expect(first.hasPrefix("snooze 6"))
            #expect(try await House.poll(House.order("2"), with: handler, pool).hasPrefix("snooze 6"))
            #expect(banned.asked == 1)
            // Another process knows from the database.
            let other = TOPGateway(House.answer("INIT", total: "1", id: "2"))
            #expect(
                try await House.poll(House.order("2"), with: House.handler(other, pool: pool), pool).hasPrefix(
                    "snooze 6"))
            #expect(other.asked == 0)
            let ban = try #require(try await WithholdingRecords(pool: pool).ban(appKey: House.appKey))
            #expect(ban.isDailyQuota && (590...600).contains(ban.seconds))
            // A shorter ban does not end a longer one, and a longer one takes its place.
            let book = BanBook(appKey: House.appKey, pool: nil, lane: FeedReader.lane)
            for (seconds, left) in [(10, 590.0...600.0), (900, 890.0...900.0)] {
                try await pool.transaction("work") { tx in
                    try book.write(TOPFailure.Ban(.seconds(seconds)), cause: "c", in: tx)
                }
                let now = try #require(try await WithholdingRecords(pool: pool).ban())
                #expect(left.contains(now.seconds))
            }
            // An order that was not asked about was not polled, and no attempt is spent on a ban.
            #expect(
                try await TestDatabase.current.text(
                    "SELECT string_agg(polls::text, ' ' ORDER BY id) FROM settled.withholdings") == "1 0")
            // Once it is over, a process that was not told of it by the platform asks again.
            try await TestDatabase.current.execute("UPDATE settled.top_bans SET until = now()")
            #expect(
                try await House.poll(House.order("2"), with: House.handler(other, pool: pool), pool).hasPrefix(
                    "snooze 3"))
            #expect(other.asked == 1)
        }
    }

    @Test func `refusals are counted from the first, and an answer ends the count`() async throws {
        let refusal = #"{"result":{"success":false,"err_code":"ORDER_NOT_EXIST","err_msg":"no"}}"#
        let gateway = TOPGateway(refusal, refusal, House.answer("INIT", total: "1"), refusal)
        try await Self.withOrders { pool in
            let handler = try House.handler(gateway)
            let database = try TestDatabase.current
            #expect(try await House.poll(House.order(), with: handler, pool).hasPrefix("retry ORDER_NOT_EXIST 3"))
            try await database.execute(
                "UPDATE settled.withholdings SET refused_since = refused_since - interval '49 hours'")
            #expect(try await House.poll(House.order(), with: handler, pool) == "quarantine ORDER_NOT_EXIST")
            #expect(try await House.poll(House.order(), with: handler, pool).hasPrefix("snooze"))
            #expect(
                try await database.number("SELECT count(*) FROM settled.withholdings WHERE refused_since IS NULL") == 1)
            #expect(try await House.poll(House.order(), with: handler, pool).hasPrefix("retry ORDER_NOT_EXIST"))
        }
    }

    @Test func `arguments that name no order are for a person, and nobody is asked`() async throws {
        let gateway = TOPGateway("")
        let handler = try House.handler(gateway)
        for args in ["{}", "[1]", #"{"biz_order_id":"1"}"#, #"{"biz_order_id":"","pay_biz_code":"R1"}"#] {
            let output = await handler.perform(
                Lease(jobID: 1, epoch: 1, queue: WithholdingJob.queue, kind: WithholdingJob.kind, args: args))
            #expect(output.asked == nil)
        }
        #expect(gateway.asked == 0)
    }

    @Test func `the history of an instalment never changes`() async throws {
        try await Self.withOrders { pool in
            let handler = try House.handler(TOPGateway(House.answer("INIT", total: "1", [(1, "INIT", "1")])))
            _ = try await House.poll(House.order(), with: handler, pool)
        }
        for change in [
            "UPDATE settled.withholding_detail_history SET amount_fen = 2",
            "DELETE FROM settled.withholding_detail_history",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await TestDatabase.current.execute(change) }
            #expect("\(error.map(String.init(describing:)) ?? "")".contains("append-only"))
        }
    }
}
