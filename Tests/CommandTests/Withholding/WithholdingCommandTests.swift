import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import settled

@Suite("settled withholding", .database) struct WithholdingCommandTests {
    private static let apps = """
        apps: [{ id: "2021000000000001", private_key: PRIVATE, alipay_public_key: PUBLIC }]
        sources: [{ name: cplife }]

        """
    private static let taobao = """
        taobao: { app_key: "12345678", app_secret: helloworld }
        withholding: { amount_unit: fen }

        """

    private func withholding(
        _ arguments: [String], _ configuration: String = apps + taobao, files: [String: String] = [:]
    ) async throws -> ProgramRun {
        let folder = try SettingsFolder(["settled.yaml": configuration].merging(files) { $1 })
        return try await ProgramRun.settled(
            arguments: ["withholding"] + arguments.map { $0.replacing("@", with: folder.path + "/") },
            environment: ["SETTLED_CONFIG": folder.path + "/settled.yaml"])
    }

    @Test func `an order is added once, listed and shown`() async throws {
        let database = try TestDatabase.current
        let one = ["add", "--biz-order-id", "12838882", "--pay-biz-code", "R1"]
        let rehearsed = try await withholding(one + ["--dry-run"])
        #expect(rehearsed.exitCode == 0 && rehearsed.errors.contains("would be: 1 added"))
        #expect(try await withholding(["list"]).exitCode == 3)
        let added = try await withholding(one)
        #expect(added.exitCode == 0 && added.output.hasPrefix("added R1 12838882 job "), "\(added.errors)")
        let again = try await withholding(one + ["--json"])
        #expect(try again.objects().first?["result"] as? String == "known")
        #expect(try await database.value("SELECT added_by FROM settled.withholdings")?.hasPrefix("tester@") == true)

        let listed = try #require(try await withholding(["list", "--json"]).objects().first)
        #expect(
            Set(listed.keys).isSuperset(of: [
                "biz_order_id", "pay_biz_code", "pay_status", "total_amount_raw", "total_amount_fen", "polls",
                "next_poll_at", "details",
            ]))
        #expect(listed["pay_status"] is NSNull && listed["polls"] as? Int == 0)
        #expect(try await withholding(["list", "--status", "unknown"]).output.contains("12838882"))
        #expect(try await withholding(["list", "--status", "FAILED"]).exitCode == 3)
        try await database.execute(
            """
            INSERT INTO settled.withholding_details (pay_biz_code, biz_order_id, plan_id, pay_status, amount_raw, amount_fen)
            VALUES ('R1', '12838882', 'R1_12838882_1', 'INIT', '50', 50);
            INSERT INTO settled.withholding_detail_history
                (job_id, pay_biz_code, biz_order_id, plan_id, pay_status, amount_raw, amount_fen)
            VALUES (1, 'R1', '12838882', 'R1_12838882_1', 'INIT', '50', 50);
            INSERT INTO settled.top_bans VALUES ('12345678', now() + interval '1 hour', true, 'accesscontrol.x', now())
            """)
        let shown = try await withholding(["show", "12838882"])
        #expect(shown.output.contains("R1_12838882_1") && shown.output.contains("0.50"))
        let json = try #require(try await withholding(["show", "12838882", "--json"]).objects().first)
        #expect((json["history"] as? [[String: Any]])?.count == 1 && (json["details"] as? [[String: Any]])?.count == 1)
        #expect(try await withholding(["show", "9"]).exitCode == 3)
        let banned = try await withholding(["list"])
        #expect(banned.errors.contains("TOP is not asked until") && banned.errors.contains("quota for the day"))
    }

    @Test func `a file is added as a whole or not at all`() async throws {
        let database = try TestDatabase.current
        let bad = try await withholding(
            ["add", "--file", "@orders.csv"], files: ["orders.csv": "biz_order_id,pay_biz_code\n1,R1\n,R1\n"])
        #expect(bad.exitCode == 1 && bad.errors.contains("orders.csv: line 3, biz_order_id: 1 to 128 bytes"))
        #expect(try await database.value("SELECT count(*)::text FROM settled.withholdings") == "0")
        let lines = (1...1500).map { #"{"biz_order_id":"\#($0)","pay_biz_code":"R1"}"# }.joined(separator: "\n")
        let added = try await withholding(["add", "--file", "@orders.jsonl"], files: ["orders.jsonl": lines])
        #expect(added.exitCode == 0 && added.errors.contains("1500 added, 0 known, 0 resumed"))
        let again = try await withholding(["add", "--file", "@orders.jsonl"], files: ["orders.jsonl": lines])
        #expect(again.errors.contains("0 added, 1500 known"))
        #expect(try await database.value("SELECT count(*)::text FROM settled.jobs") == "1500")
        #expect(try await withholding(["add", "--file", "@none"]).exitCode == 2)
    }

    @Test func `nothing is added where nobody would ask, and a unit must be named`() async throws {
        let one = ["add", "--biz-order-id", "1", "--pay-biz-code", "R1"]
        let none = try await withholding(one, Self.apps)
        #expect(none.exitCode == 78 && none.errors.contains("withholding is not configured"))
        let unit = try await withholding(one, Self.apps + Self.taobao.replacing("amount_unit: fen", with: ""))
        #expect(unit.exitCode == 78 && unit.errors.contains("`withholding.amount_unit` is missing"))
        let gateway = try await withholding(one, Self.apps + "withholding: { amount_unit: fen }\n")
        #expect(gateway.exitCode == 78 && gateway.errors.contains("`taobao` is missing"))
    }

    @Test(arguments: [
        ["add"], ["add", "--biz-order-id", "1"], ["add", "--biz-order-id", "", "--pay-biz-code", "R1"],
        ["add", "--biz-order-id", "1", "--pay-biz-code", "R-1"], ["add", "--file", "f", "--biz-order-id", "1"],
        ["list", "--limit", "0"], ["show"],
    ])
    func `what cannot be meant is refused before anything is opened`(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try Settled.parseAsRoot(["withholding"] + arguments) }
        #expect(error.map { Settled.exitCode(for: $0) } == .validationFailure)
    }
}
