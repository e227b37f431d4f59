import Alipay
import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Testing

@testable import settled

/// SIGHUP with the real program: what is rotated is read anew, and nothing is dropped meanwhile.
@Suite struct ReloadTests {
    private func write(_ text: String, to name: String, _ stage: RealStage) throws {
        try text.write(toFile: stage.folder + "/" + name, atomically: true, encoding: .utf8)
    }

    private func line(_ words: String, in program: RealProgram, times: Int = 1) async throws -> String {
        try await eventually("the log to say `\(words)`") {
            let lines = program.output.split(separator: "\n").filter { $0.contains(words) }
            return lines.count >= times ? String(lines[times - 1]) : nil
        }
    }

    @Test func `a merchant's token that was rotated is used after SIGHUP, and the jobs that waited for it go on`()
        async throws
    {
        let scenario = Scenario(.init(seed: 31, notifications: 30, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let program = try stage.start(environment: ["SETTLED_GATEWAY_PROBE_INTERVAL": "1s"])
                try await program.during {
                    let journal = DeliveryJournal()
                    let sender = stage.sender(to: try await program.addresses().notify, journal)
                    let half = scenario.deliveries.count / 2
                    try await sender.send(Array(scenario.deliveries[..<half]))
                    _ = try await eventually("the first half to be settled") {
                        try await DemoLedger(pool: stage.pool).progress().isQuiet ? true : nil
                    }
                    for merchant in scenario.settings.merchants {
                        let token = try #require(merchant.appAuthToken)
                        stage.gateway.seal.replaceToken(token, with: "rotated-" + merchant.sellerID)
                    }
                    try await sender.send(Array(scenario.deliveries[half...]))
                    _ = try await eventually("the gateway to refuse the old token") {
                        try await !stage.pool.query(FeedReader.lane, Self.refusals).isEmpty ? true : nil
                    }
                    #expect(try await DemoLedger(pool: stage.pool).progress().isQuiet == false)

                    // A broken file changes nothing; one line says so.
                    let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
                    try write(good.replacing("sources:", with: "sorces:"), to: "settled.yaml", stage)
                    program.send(SIGHUP)
                    let refused = try await line("the configuration was not reloaded", in: program)
                    #expect(refused.contains("sorces"))
                    #expect(!program.output.contains("the configuration was reloaded"))

                    for merchant in scenario.settings.merchants {
                        try write("rotated-\(merchant.sellerID)\n", to: "token-\(merchant.sellerID)", stage)
                    }
                    try write(
                        good.replacing("log: {", with: "work: { concurrency: 7, lease: 10s, heartbeat: 2s }\nlog: {")
                            .replacing("work: { lease: 10s, heartbeat: 2s, poll_interval: 200ms }\n", with: ""),
                        to: "settled.yaml", stage)
                    program.send(SIGHUP)
                    let reloaded = try await line("the configuration was reloaded", in: program)
                    #expect(reloaded.contains("merchants[0].app_auth_token_file"))
                    #expect(!reloaded.contains("rotated-"), "no token is logged")
                    let later = try await line("count after a restart only", in: program)
                    #expect(later.contains("work.concurrency"))

                    try await stage.judge(journal)
                }
            }
        }
    }

    @Test func `while Alipay's key changes, the old and the new one are believed, and each delivery says which it was`()
        async throws
    {
        let scenario = Scenario(.init(seed: 32, notifications: 30, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let program = try stage.start()
                try await program.during {
                    let journal = DeliveryJournal()
                    let address = try await program.addresses().notify
                    let half = scenario.deliveries.count / 2
                    // Both keys are known before the platform changes over, and without a restart.
                    let next = try SandboxKeys(
                        alipay: .generate(), app: stage.keys.app, stranger: stage.keys.stranger)
                    let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
                    try write(next.alipay.publicKey.pem, to: "alipay-next.pem", stage)
                    let files = SandboxKeys.Files(in: .init(stage.folder))
                    try write(
                        good.replacing(
                            "alipay_public_key_file: \"\(files.alipayPublicKey)\"",
                            with: "alipay_public_key_file: alipay-next.pem, "
                                + "alipay_previous_public_key_file: \"\(files.alipayPublicKey)\""),
                        to: "settled.yaml", stage)
                    program.send(SIGHUP)
                    _ = try await line("the configuration was reloaded", in: program)

                    try await stage.sender(to: address, journal).send(Array(scenario.deliveries[..<half]))
                    _ = try await eventually("the first half to be settled") {
                        try await DemoLedger(pool: stage.pool).progress().isQuiet ? true : nil
                    }
                    stage.gateway.seal.changeKey(to: next.alipay)
                    var sender = stage.sender(to: address, journal)
                    sender.keys = next
                    try await sender.send(Array(scenario.deliveries[half...]))
                    try await stage.judge(journal)
                    let both = Set([stage.keys.alipay, next.alipay].map(\.publicKey.fingerprint))
                    for statement in [Self.deliveryKeys, Self.evidenceKeys] {
                        let found = try await stage.pool.query(FeedReader.lane, statement).map { try $0.text(0) }
                        #expect(Set(found) == both, "\(statement.name)")
                    }
                }
            }
        }
    }

    @Test func `our own key is changed on both sides, and what was refused in between is settled after SIGHUP`()
        async throws
    {
        let scenario = Scenario(.init(seed: 33, notifications: 1, mix: .plain))
        let trade = try #require(scenario.trades.first?.trade)
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let program = try stage.start("work", environment: ["SETTLED_GATEWAY_PROBE_INTERVAL": "1s"])
                try await program.during {
                    _ = try await program.addresses()
                    let next = try PrivateKey.generate()
                    stage.gateway.seal.changeAppKey(to: next.publicKey)
                    let query = try RealProgram(
                        [
                            "query", trade.tradeNo, "--seller", trade.sellerID, "--config", stage.configuration,
                        ], folder: stage.folder)
                    #expect(await query.waitForEnd() == .exit(0), "\(query.output)")
                    _ = try await eventually("the old key to be refused") {
                        try await !stage.pool.query(FeedReader.lane, Self.badSignatures).isEmpty ? true : nil
                    }
                    try write(next.pemPKCS8, to: "app.pem", stage)
                    program.send(SIGHUP)
                    _ = try await line("the configuration was reloaded", in: program)
                    _ = try await eventually("the trade to be settled") {
                        try await stage.pool.query(FeedReader.lane, Self.settlements).isEmpty ? nil : true
                    }
                }
            }
        }
    }

    private static let settlements = Statement("e2e.reload_settlements", "SELECT id FROM settled.settlements")
    private static let badSignatures = Statement(
        "e2e.bad_signatures", "SELECT 1 FROM settled.gateway_log WHERE sub_code = 'isv.invalid-signature' LIMIT 1")
    private static let refusals = Statement(
        "e2e.token_refusals",
        "SELECT 1 FROM settled.gateway_log WHERE sub_code = 'aop.invalid-app-auth-token' LIMIT 1")
    private static let deliveryKeys = Statement(
        "e2e.delivery_keys", "SELECT DISTINCT key_fingerprint FROM settled.deliveries")
    private static let evidenceKeys = Statement(
        "e2e.evidence_keys", "SELECT DISTINCT key_fingerprint FROM settled.evidence")
}
