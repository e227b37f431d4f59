import Alipay
import ArgumentParser
import Foundation
import Sandbox
import Testing
import Wire

@testable import settled

@Suite("settled simulate") struct SimulateCommandTests {
    @Test func `keys are written once and never over others`() async throws {
        let folder = try SettingsFolder()
        let keys = folder.path + "/keys"
        let made = try await ProgramRun.settled("simulate", "keys", keys)
        #expect(made.exitCode == 0)
        let text = try String(contentsOfFile: keys + "/app.pem", encoding: .utf8)
        #expect(throws: Never.self) { try PrivateKey(text: text) }
        #expect(try await ProgramRun.settled("simulate", "keys", keys).exitCode == 5)
        #expect(try String(contentsOfFile: keys + "/app.pem", encoding: .utf8) == text)
    }

    @Test func `a trade needs a number and a total; the rest is invented`() throws {
        let trade = try Trade(line: #"{"trade_no":"T1","total_amount":"10.21"}"#)
        #expect(trade.totalFen == 1021)
        #expect(trade.bills.map(\.fen) == [1021])
        #expect(trade.status == .success)
        let told = try Trade(
            line: """
                {"trade_no":"T2","total_amount":3,"trade_status":"TRADE_CLOSED","seller_id":"2088","gmt_payment":\
                "2026-11-20 08:00:00","bills":[{"id":"a","amount":"1"},{"id":"b","amount":"2.00"}]}
                """)
        #expect(told.bills.map(\.fen) == [100, 200])
        #expect(told.sellerID == "2088")
        #expect(told.paidAt == 1_795_132_800)
    }

    @Test(arguments: [
        "", "[]", #"{"trade_no":"T1"}"#, #"{"trade_no":"T1","total_amount":"-1"}"#,
        #"{"trade_no":"","total_amount":"1"}"#, #"{"trade_no":"T1","total_amount":"1","trade_status":"PAID"}"#,
        #"{"trade_no":"T1","total_amount":"1","bills":[{"id":"a"}]}"#,
        #"{"trade_no":"T1","total_amount":"1","gmt_payment":"today"}"#,
    ])
    func `a trade that cannot be meant is refused`(line: String) {
        #expect(throws: SandboxError.self) { try Trade(line: line) }
    }

    @Test func `a scenario is the same for both ends on the same day`() throws {
        let arguments = [
            "simulate", "send", "--keys", "k", "--url", "http://h", "--scenario", "40", "--day", "2026-11-20",
        ]
        let one = try #require(try Settled.parseAsRoot(arguments) as? SimulateSend).scenario.play
        let two = try #require(try Settled.parseAsRoot(arguments) as? SimulateSend).scenario.play
        #expect(one?.trades.map(\.trade) == two?.trades.map(\.trade))
        #expect(one?.trades.isEmpty == false)
    }

    @Test func `a content key that is none ends with 78, and the certificates of the play fit its keys`() async throws {
        let folder = try SettingsFolder(["aes.key": "short", "t.jsonl": #"{"trade_no":"T1","total_amount":"1"}"#])
        _ = try await ProgramRun.settled("simulate", "keys", folder.path + "/k")
        let run = try await ProgramRun.settled(
            "simulate", "gateway", "--keys", folder.path + "/k", "--trades", folder.path + "/t.jsonl", "--certificates",
            "--aes-key-file", folder.path + "/aes.key", "--port", "0")
        #expect(run.exitCode == 78)
        #expect(run.errors.contains("content key"))
        try folder.write(
            """
            apps: [{ id: "2021000000000001", private_key_file: k/app.pem, app_cert_file: k/app.crt,
                     alipay_cert_file: k/alipay.crt, alipay_root_cert_file: k/root.crt }]
            sources: [{ name: cplife }]

            """, to: "settled.yaml")
        let check = try await ProgramRun.settled("keys", "check", "--config", folder.path + "/settled.yaml")
        #expect(check.exitCode == 0, "\(check.output)\(check.errors)")
    }

    @Test func `what is sent to nobody ends with 69, and wrong keys with 78`() async throws {
        let folder = try SettingsFolder()
        let sending = ["simulate", "send", "--url", "http://127.0.0.1:1/notify/x", "--trade-no", "T", "--amount", "1"]
        let missing = try await ProgramRun.settled(arguments: sending + ["--keys", folder.path])
        #expect(missing.exitCode == 78)
        _ = try await ProgramRun.settled("simulate", "keys", folder.path)
        #expect(try await ProgramRun.settled(arguments: sending + ["--keys", folder.path]).exitCode == 69)
    }
}
