import JobQueue
import Postgres
import Taobao
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Orders that are added, looked up and numbered.
@Suite(.database, .timeLimit(.minutes(5))) struct WithholdingRegisterTests {
    private typealias House = WithholdingHouse

    private static func add(_ ids: [String], _ pool: Pool, isRehearsal: Bool = false) async throws -> [String] {
        try await WithholdingRegister(pool: pool).add(
            ids.map { try House.order($0) }, by: "test", isRehearsal: isRehearsal
        ).map(\.result.rawValue)
    }

    @Test func `an order is added once, however often and by whomever`() async throws {
        try await TestHouse.withPool { pool in
            #expect(try await Self.add(["1", "2", "1"], pool, isRehearsal: true) == ["added", "added", "known"])
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.withholdings") == 0)
            #expect(try await Self.add(["1", "2", "1"], pool) == ["added", "added", "known"])
            #expect(try await Self.add(["2", "3"], pool) == ["known", "added"])
            // At the same moment only one of them is new, and there is one job.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try await Self.add(["4"], pool) } }
                try await group.waitForAll()
            }
            let database = try TestDatabase.current
            #expect(
                try await database.text(
                    """
                    SELECT string_agg(concat_ws(' ', w.biz_order_id, j.subject, j.queue, j.unique_key, w.added_by), ', ' ORDER BY w.id)
                    FROM settled.withholdings w JOIN settled.jobs j ON j.id = w.job_id
                    """)
                    == (1...4).map { "\($0) \($0) withholding withholding:R1:\($0) test" }.joined(separator: ", "))
            #expect(try await database.number("SELECT count(*) FROM settled.jobs") == 4)
        }
    }

    @Test func `more orders than one transaction takes are all added`() async throws {
        try await TestHouse.withPool { pool in
            let ids = (1...2100).map { "\($0)" }
            let rehearsed = try await Self.add(ids + ["1"], pool, isRehearsal: true)
            #expect(rehearsed.last == "known" && rehearsed.count { $0 == "added" } == 2100)
            #expect(try await Self.add(ids, pool).count { $0 == "added" } == 2100)
            #expect(try await TestDatabase.current.number("SELECT count(*) FROM settled.jobs") == 2100)
        }
    }

    @Test func `an order that nobody asks about any more is resumed, and one that has ended is not`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await Self.add(["1", "2"], pool)
            let database = try TestDatabase.current
            try await database.execute(
                """
                DELETE FROM settled.jobs;
                UPDATE settled.withholdings SET pay_status = 'FAILED', ended_at = now() WHERE biz_order_id = '2'
                """)
            #expect(try await Self.add(["1", "2"], pool, isRehearsal: true) == ["resumed", "known"])
            #expect(try await Self.add(["1", "2"], pool) == ["resumed", "known"])
            #expect(
                try await database.text(
                    "SELECT string_agg(biz_order_id, ' ') FROM settled.withholdings w JOIN settled.jobs j ON j.id = w.job_id"
                )
                    == "1")
        }
    }

    @Test func `an order is shown with its instalments, their history and its polls`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await Self.add(["1", "2"], pool)
            let handler = try House.handler(
                TOPGateway(
                    House.answer("PARTIAL_SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "INIT", "70")]),
                    House.answer("SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "SUCCESSED", "70")])))
            for _ in 0..<2 { _ = try await House.poll(House.order("1"), with: handler, pool) }
            let records = WithholdingRecords(pool: pool)
            var filter = WithholdingRecords.Filter()
            let all = try await records.list(filter)
            #expect(all.map(\.bizOrderID) == ["2", "1"] && all.allSatisfy { $0.history == nil })
            #expect(all[0].payStatus == nil && all[0].jobState == "ready" && all[0].nextPollAt != nil)
            filter.payStatus = "unknown"
            #expect(try await records.list(filter).map(\.bizOrderID) == ["2"])
            filter.payStatus = "SUCCESSED"
            #expect(try await records.list(filter).map(\.bizOrderID) == ["1"])
            filter = WithholdingRecords.Filter()
            filter.before = all[0].id
            #expect(try await records.list(filter).map(\.bizOrderID) == ["1"])
            filter.jobState = "quarantined"
            #expect(try await records.list(filter).isEmpty)

            let one = try #require(try await records.show("1").first)
            #expect(one.history?.map(\.detail.payStatus) == ["SUCCESSED", "INIT", "SUCCESSED"])
            #expect(one.recentPolls?.map(\.verdict) == ["PARTIAL_SUCCESSED", "SUCCESSED"])
            let json = try JSONValue(parsing: one.json)
            #expect(json["total_amount_raw"]?.text == "120" && json["total_amount_fen"] == .number("120"))
            guard case .array(let details)? = json["details"] else { return }
            #expect(details.map { $0["amount_raw"]?.text } == ["50", "70"])
            #expect(
                details.allSatisfy {
                    $0["settlement_id"] != .null && $0["pay_time"]?.text == "2020-01-10T10:00:00.000+08:00"
                })
            #expect(try await records.show("9").isEmpty)
            #expect(try await records.openOrders() == ["unknown": 1])
        }
    }

    @Test func `withheld instalments are items of the same feed, and payments keep their bytes`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle([TestAnswers.result("T1")], pool)
            _ = try await Self.add(["1"], pool)
            let handler = try House.handler(
                TOPGateway(House.answer("SUCCESSED", total: "120", [(1, "SUCCESSED", "50"), (2, "SUCCESSED", "70")])))
            _ = try await House.poll(House.order("1"), with: handler, pool)
            try await Sequencer(pool: pool, signal: Signal(), metrics: Metrics(), logger: TestHouse.logger).runOnce()
            let items = try await FeedReader(pool: pool).items(of: "main", after: 0, limit: 10)
            let texts = items.map { String(decoding: $0.payload, as: UTF8.self) }
            #expect(texts.count == 3)
            #expect(texts[0].contains(#""kind":"payment","app_id":"2021000000000001","trade_no":"T1","seller_id""#))
            #expect(texts[1].contains(#""kind":"withholding""#) && texts[1].contains(#""plan_id":"R1_1_1""#))
            #expect(texts[2].contains(#""alipay_trade_no":"202012","total_amount":"0.70","total_amount_fen":70"#))
            let page = try await FeedReader(pool: pool).page(of: "main", after: 0, limit: 10)
            #expect(try JSONValue(parsing: page.json)["head"]?.text == "3")
            #expect(try await FeedVerification(pool: pool).verify().isSound)
            // They are found by Alipay's trade number as by a trade.
            var filter = SettlementRecords.Filter()
            filter.tradeNo = "202012"
            let found = try await SettlementRecords(pool: pool).list(filter)
            #expect(found.map(\.kind) == ["withholding"] && found.map(\.tradeNo) == ["202012"])
        }
    }

    static let refused = [
        // The wrong assurance, a trade beside a plan, no plan, a seller missing, a plan beside a trade, the same plan twice.
        "INSERT INTO settled.settlements (kind, app_id, pay_biz_code, biz_order_id, plan_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'withholding', 'a', 'R1', '1', 'p9', 1, 's', 'signed', id, 1 FROM settled.evidence",
        "INSERT INTO settled.settlements (kind, trade_no, app_id, pay_biz_code, biz_order_id, plan_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'withholding', 'T', 'a', 'R1', '1', 'p9', 1, 's', 'tls', id, 1 FROM settled.evidence",
        "INSERT INTO settled.settlements (kind, app_id, pay_biz_code, biz_order_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'withholding', 'a', 'R1', '1', 1, 's', 'tls', id, 1 FROM settled.evidence",
        "INSERT INTO settled.settlements (kind, trade_no, app_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'payment', 'T', 'a', 1, 's', 'signed', id, 1 FROM settled.evidence",
        "INSERT INTO settled.settlements (kind, trade_no, seller_id, app_id, plan_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'payment', 'T', 's', 'a', 'p', 1, 's', 'signed', id, 1 FROM settled.evidence",
        "INSERT INTO settled.settlements (kind, app_id, pay_biz_code, biz_order_id, plan_id, total_fen, trade_status, assurance, evidence_id, job_id) SELECT 'withholding', 'a', 'R1', '1', 'R1_1_1', 1, 's', 'tls', id, 1 FROM settled.evidence",
    ]

    @Test func `the ledger refuses what is neither a payment nor an instalment, and an instalment twice`() async throws
    {
        try await TestHouse.withPool { pool in
            _ = try await Self.add(["1"], pool)
            let handler = try House.handler(
                TOPGateway(House.answer("SUCCESSED", total: "50", [(1, "SUCCESSED", "50")])))
            _ = try await House.poll(House.order("1"), with: handler, pool)
        }
        let database = try TestDatabase.current
        // A second proof, which a row may refer to.
        try await database.execute(
            """
            ALTER TABLE settled.settlements DROP CONSTRAINT settlements_evidence_id_key
            """)
        for sql in Self.refused {
            let error = await #expect(throws: PostgresError.self) { try await database.execute(sql) }
            let text = "\(error.map(String.init(describing:)) ?? "")"
            #expect(text.contains("settlements_subject") || text.contains("settlements_withheld"), "\(text)")
        }
        #expect(try await database.number("SELECT count(*) FROM settled.settlements") == 1)
    }

    @Test func `old polls go, and young ones stay`() async throws {
        try await TestHouse.withPool { pool in
            let database = try TestDatabase.current
            try await database.execute(
                """
                INSERT INTO settled.withholding_polls (at, pay_biz_code, biz_order_id, job_id, verdict)
                SELECT now() - make_interval(days => 20 + n % 20), 'R1', '1', 1, 'INIT' FROM generate_series(1, 25000) n
                """)
            try await WithholdingPolls(pool: pool).expire(olderThanDays: 30)
            #expect(try await database.number("SELECT count(*) FROM settled.withholding_polls") == 12_500)
        }
    }
}
