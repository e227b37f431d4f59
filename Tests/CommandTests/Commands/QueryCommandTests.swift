import Foundation
import Settlement
import TestSupport
import Testing

@testable import settled

@Suite("settled query", .database) struct QueryCommandTests {
    private static let apps = """
        apps: [{ id: "2021000000000001", private_key: PRIVATE, alipay_public_key: PUBLIC }]
        sources: [{ name: cplife }]

        """
    private static let merchants = """
        merchants:
          - { seller_id: "2088000000000002", app: "2021000000000001", communities: ["C1"], app_auth_token: a }
          - { seller_id: "2088000000000003", app: "2021000000000001", app_auth_token: b }

        """

    private func query(_ arguments: [String], _ configuration: String = apps + merchants) async throws -> ProgramRun {
        let folder = try SettingsFolder(["settled.yaml": configuration])
        return try await ProgramRun.settled(
            arguments: ["query"] + arguments, environment: ["SETTLED_CONFIG": folder.path + "/settled.yaml"])
    }

    @Test func `a query is queued once, urgent, and with what is known of the payment`() async throws {
        let database = try TestDatabase.current
        let first = try await query(["T77", "--seller", "2088000000000003"])
        #expect(first.exitCode == 0, "\(first.errors)")
        let id = try #require(first.lines.first.flatMap { Int64($0) })
        let again = try await query(["T77", "--seller", "2088000000000003", "--json"])
        #expect(try again.objects().first?["is_new"] as? Bool == false)
        #expect(try again.objects().first?["id"] as? Int64 == id)
        let args = try await database.value("SELECT args::text FROM settled.jobs WHERE id = \(id)")
        #expect(
            PayResultJob(args: args ?? "")
                == PayResultJob(
                    source: "cplife", appID: "2021000000000001", tradeNo: "T77", sellerID: "2088000000000003"))
        #expect(try await database.value("SELECT priority::text FROM settled.jobs") == "0")
    }

    @Test func `the seller is taken from an earlier job about the trade, and nobody's token is guessed`() async throws {
        let database = try TestDatabase.current
        #expect(try await query(["T1"]).exitCode == 2)
        #expect(try await query(["T1", "--seller", "2088999999999999"]).exitCode == 2)
        try await database.enqueue(1)
        #expect(try await query(["T1"]).exitCode == 0)
        #expect(
            try await database.value("SELECT args ->> 'seller_id' FROM settled.jobs WHERE unique_key IS NOT NULL")
                == "2088000000000002")
        #expect(try await query(["T5"], Self.apps).exitCode == 0, "without merchants the app itself asks")
        #expect(try await query(["T5", "--app", "2021000000000009"]).exitCode == 2)
    }

    @Test func `waiting ends with what became of the job, or with 75`() async throws {
        let database = try TestDatabase.current
        let late = try await query(["T8", "--seller", "2088000000000003", "--wait", "--timeout", "1"])
        #expect(late.exitCode == 75)
        try await database.execute(
            "UPDATE settled.jobs SET state = 'held', hold_key = 'app:1', cause = 'refused', message = 'the key is refused'"
        )
        let held = try await query(["T8", "--seller", "2088000000000003", "--wait"])
        #expect(held.exitCode == 75 && held.errors.contains("held under app:1: the key is refused (refused)"))
        try await database.execute(
            "UPDATE settled.jobs SET state = 'quarantined', hold_key = NULL, cause = 'c', message = 'm'")
        #expect(try await query(["T8", "--seller", "2088000000000003", "--wait"]).exitCode == 5)
    }
}
