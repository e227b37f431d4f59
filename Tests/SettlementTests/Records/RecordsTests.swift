import Alipay
import Postgres
import Telemetry
import TestSupport
import Testing
import Wire

@testable import Settlement

/// What people and the API look up.
@Suite(.database, .timeLimit(.minutes(5))) struct RecordsTests {
    @Test func `settlements are found by id, trade and bill, newest first, as the feed serves them`() async throws {
        try await TestHouse.withPool { pool in
            _ = try await LedgerTests.settle(
                (1...5).map { TestAnswers.result("T\($0)", bills: $0 == 3 ? [50, 2000] : nil) }, pool)
            _ = try await LedgerTests.close(TestAnswers.closed("T3"), pool)
            let records = SettlementRecords(pool: pool)
            func find(_ change: (inout SettlementRecords.Filter) -> Void) async throws -> [SettlementRecords.Record] {
                var filter = SettlementRecords.Filter()
                change(&filter)
                return try await records.list(filter)
            }
            #expect(try await find { $0.limit = 2 }.map(\.kind) == ["reversal", "payment"])
            #expect(try await find { $0.tradeNo = "T3" }.map(\.totalFen) == [-2050, 2050])
            #expect(try await find { $0.tradeNo = "T3" }.map(\.bills) == [2, 2])
            #expect(try await find { $0.billEntryID = "B2" }.map(\.tradeNo) == ["T3", "T3"])
            #expect(try await find { $0.tradeNo = "' OR true --" }.isEmpty)
            #expect(try await find { $0.tradeNo = "T1" }.map(\.seq) == [nil])
            _ = try await SequencerTests.sequencer(pool).runOnce()
            let first = try await find { $0.tradeNo = "T1" }
            #expect(first.map(\.seq) == [1])
            #expect(try await find { $0.before = first[0].id }.isEmpty)
            let page = try JSONValue(
                parsing: try await FeedReader(pool: pool).page(of: "main", after: 0, limit: 1).json)
            guard case .array(let items) = page["items"] else {
                Issue.record("no items")
                return
            }
            #expect(try JSONValue(parsing: first[0].json) == items[0]["settlement"])
        }
    }

    @Test func `deliveries are found with their jobs, rejected ones with their count`() async throws {
        try await TestHouse.withPool { pool in
            let source = try TestHouse.source()
            let intake = Intake(
                keyring: Keyring(Credentials(merchants: TestHouse.merchants, sources: [source])), pool: pool,
                metrics: Metrics(),
                logger: TestHouse.logger)
            let running = Task { await intake.run() }
            let delivery = try SignedNotification.delivery(["trade_no": "T1", "notify_id": "n1"])
            for _ in 0..<2 { _ = await intake.receive(delivery, at: source) }
            let forged = Delivery(
                body: Array("a=1".utf8), contentType: SignedNotification.contentType, remoteAddress: "192.0.2.9")
            for _ in 0..<3 { _ = await intake.receive(forged, at: source) }
            running.cancel()
            await running.value
            let records = NotificationRecords(pool: pool)
            var filter = NotificationRecords.Filter()
            filter.subject = "T1"
            let found = try await records.list(filter)
            #expect(found.map(\.result) == ["duplicate", "new"])
            #expect(Set(found.map(\.jobID)).count == 1)
            #expect(found[0].body == delivery.body)
            #expect(found[0].notifyID == "n1")
            #expect(found[0].remoteAddress == "192.0.2.1")
            filter.result = "new"
            #expect(try await records.list(filter).map(\.id) == [found[1].id])
            filter.subject = "T2"
            #expect(try await records.list(filter).isEmpty)
            let rejected = try await records.rejected(source: "cplife", cause: nil, limit: 10)
            #expect(rejected.map(\.times) == [3])
            #expect(rejected[0].digest == Digest.hex(Digest.sha256(forged.body)))
            #expect(try await records.rejected(source: nil, cause: "other", limit: 10).isEmpty)
        }
    }
}
