import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import settled

@Suite("settled expect", .database) struct ExpectCommandTests {
    private static let apps = """
        apps: [{ id: "2021000000000001", private_key: PRIVATE, alipay_public_key: PUBLIC }]
        sources: [{ name: cplife }]
        merchants:
          - { seller_id: "2088000000000002", app: "2021000000000001", communities: ["C1"], app_auth_token: a }
          - { seller_id: "2088000000000003", app: "2021000000000001", app_auth_token: b }

        """

    private func expect(
        _ arguments: [String], _ configuration: String = apps, files: [String: String] = [:]
    ) async throws -> ProgramRun {
        let folder = try SettingsFolder(["settled.yaml": configuration].merging(files) { $1 })
        return try await ProgramRun.settled(
            arguments: ["expect"] + arguments.map { $0.replacing("@", with: folder.path + "/") },
            environment: ["SETTLED_CONFIG": folder.path + "/settled.yaml"])
    }

    private static let seller = ["--seller-id", "2088000000000003"]

    @Test func `a payment is expected once, listed when it is missing, shown and cancelled`() async throws {
        let database = try TestDatabase.current
        let one = ["add", "--trade-no", "T77", "--after", "0s"] + Self.seller
        let rehearsed = try await expect(one + ["--dry-run"])
        #expect(rehearsed.exitCode == 0 && rehearsed.errors.contains("would be: 1 added"), "\(rehearsed.errors)")
        #expect(try await expect(["list"]).exitCode == 3)
        #expect(try await expect(one).output == "added 2\n", "a rehearsal has used the first number")
        #expect(try await expect(one + ["--json"]).objects().first?["result"] as? String == "known")
        let listed = try #require(try await expect(["list", "--missing", "--json"]).objects().first)
        #expect(
            listed["trade_no"] as? String == "T77" && listed["state"] as? String == "missing"
                && listed["seller_id"] as? String == "2088000000000003" && listed["bill_entry_id"] is NSNull)
        #expect((listed["added_by"] as? String)?.hasPrefix("tester@") == true)
        let table = try await expect(["list", "--missing"])
        #expect(
            table.lines.first?.split(separator: " ") == [
                "ID", "KIND", "EXPECTED", "COMMUNITY", "STATE", "DUE", "AGE", "AMOUNT", "DONE",
            ])
        #expect(table.output.contains("is asked for with the next sweep"))
        try await database.execute("UPDATE settled.expectations SET due_at = now() - interval '90061 seconds'")
        #expect(try await expect(["list", "--missing"]).output.contains("1d1h1m"))
        let card = try await expect(["show", "2"])
        #expect(card.output.contains("EXPECTATION 2") && card.output.contains("T77"))
        #expect(try await expect(["show", "2", "--json"]).objects().first?["id"] as? Int == 2)
        #expect(try await expect(["show", "9"]).exitCode == 3)

        #expect(try await expect(["cancel", "2"]).exitCode == 2, "a reason is needed")
        #expect(try await expect(["cancel", "9", "--reason", "r"]).exitCode == 3)
        #expect(try await expect(["cancel", "2", "--dry-run"]).output == "2 cancelled\n")
        let cancelled = try await expect(["cancel", "2", "9", "--reason", "paid in cash", "--yes"])
        #expect(cancelled.exitCode == 0 && cancelled.output == "2 cancelled\n")
        #expect(cancelled.errors.contains("there is no expectation 9"))
        #expect(
            try await expect(["cancel", "2", "--reason", "r", "--json"]).output
                == "{\"id\":2,\"result\":\"unchanged\"}\n")
        #expect(try await expect(["list", "--missing"]).exitCode == 3)
        #expect(try await expect(["list", "--state", "cancelled"]).output.contains("cancelled by tester@"))
        #expect(try await expect(one).output == "reopened 2\n")
    }

    @Test func `what is settled already is fulfilled at once, and cannot be cancelled`() async throws {
        let database = try TestDatabase.current
        try await database.settle(2)
        let trade = try await expect(["add", "--trade-no", "T1", "--json"] + Self.seller)
        #expect(try trade.objects().first?["state"] as? String == "fulfilled")
        let bill = ["add", "--bill-entry-id", "WY2", "--community-id", "C0", "--due", "2026-01-31"]
        #expect(
            try await expect(bill + ["--amount", "10.21", "--json"]).objects().first?["state"] as? String == "fulfilled"
        )
        let shown = try #require(try await expect(["list", "--bill-entry-id", "WY2", "--json"]).objects().first)
        #expect(shown["settled_amount"] as? String == "10.21" && shown["due"] as? String == "2026-01-31")
        #expect(shown["due_at"] as? String == "2026-02-01T00:00:00.000+08:00")
        #expect(try await expect(["cancel", "1", "--reason", "r"]).exitCode == 5)
    }

    @Test func `a file is added whole or not at all, every mistake with its line, column and reason`() async throws {
        let database = try TestDatabase.current
        let good = """
            trade_no,query_token,seller_id,after_seconds,bill_entry_id,community_id,due,amount
            T1,,2088000000000003,60,,,,
            ,"2GjV8Z/WuK+=",2088000000000002,,,,,
            ,,,,"1,1",C1,2026-12-31,10.21
            T1,,2088000000000003,,,,,
            """
        let rehearsed = try await expect(["add", "--file", "@e.csv", "--dry-run"], files: ["e.csv": good])
        #expect(rehearsed.exitCode == 0 && rehearsed.errors.contains("would be: 3 added, 1 known, 0 reopened"))
        let added = try await expect(["add", "--file", "@e.csv", "--json"], files: ["e.csv": good])
        #expect(try added.objects().map { $0["result"] as? String } == ["added", "added", "added", "known"])
        #expect(
            try await expect(["add", "--file", "@e.csv"], files: ["e.csv": good]).errors.contains("0 added, 4 known"))
        #expect(
            try await database.value(
                "SELECT due_on || ' ' || amount_fen FROM settled.expectations WHERE bill_entry_id = '1,1'")
                == "2026-12-31 1021")

        let bad = """
            {"trade_no":"T2","seller_id":"2088000000000003"}
            {"trade_no":"T3","seller_id":"2088999999999999"}
            {"trade_no":"T4","seler_id":"2088000000000003"}
            {"bill_entry_id":"2","community_id":"C1","due":"2026-13-01"}
            {"trade_no":
            """
        let refused = try await expect(["add", "--file", "@bad.jsonl"], files: ["bad.jsonl": bad])
        #expect(refused.exitCode == 1 && refused.output.isEmpty)
        for problem in [
            "line 2, seller_id: no configured merchant", "line 3, seler_id: no member of this name",
            "line 4, due: a date is expected", "line 5: not a JSON object", "nothing was added",
        ] {
            #expect(refused.errors.contains(problem), "\(refused.errors)")
        }
        let header = try await expect(["add", "--file", "@h.csv"], files: ["h.csv": "trade_no,seller\nT5,1\n"])
        #expect(header.exitCode == 1 && header.errors.contains("line 1, seller: no column of this name"))
        #expect(try await expect(["add", "--file", "@none.csv"]).exitCode == 2)
        #expect(try await database.value("SELECT count(*)::text FROM settled.expectations") == "3")
    }

    static let wrong: [(arguments: [String], word: String)] = [
        (["add"], "--trade-no"), (["add", "--trade-no", "T"], "--seller-id: needed"),
        (["add", "--trade-no", "T", "--query-token", "Q"], "name one of"),
        (["add", "--trade-no", "T", "--file", "x"], "--file brings everything"),
        (["add", "--trade-no", "T", "--after", "10"], "--after takes a duration"),
        (["add", "--trade-no", "T", "--app", "2021000000000009"], "--app: no such app"),
        (["add", "--bill-entry-id", "1", "--due", "2026-12-31"], "--community-id: needed"),
        (["add", "--bill-entry-id", "1", "--community-id", "C", "--due", "tomorrow"], "--due: a date"),
        (
            ["add", "--bill-entry-id", "1", "--community-id", "C", "--due", "2026-12-31", "--amount", "1.005"],
            "--amount"
        ),
        (["list", "--missing", "--state", "waiting"], "give one of them"), (["list", "--state", "lost"], "lost"),
    ]

    @Test(arguments: wrong) func `what is called wrongly ends with 2 and a sentence`(
        arguments: [String], word: String
    ) async throws {
        let run = try await expect(arguments)
        #expect(run.exitCode == 2 && run.errors.contains(word), "\(run.errors)")
    }
}
