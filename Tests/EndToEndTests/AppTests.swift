import Alipay
import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Testing

/// Apps that differ: each with its own keys and gateway in one program, and one that was never changed.
@Suite struct AppTests {
    private func query(_ trade: Trade, app: String, _ stage: RealStage) async throws -> RealProgram.End {
        let program = try RealProgram(
            [
                "query", trade.tradeNo, "--app", app, "--seller", trade.sellerID, "--wait", "--timeout", "40",
                "--config", stage.configuration,
            ], folder: stage.folder)
        return await program.waitForEnd()
    }

    @Test func `one program serves several apps, each with its own keys and its own gateway`() async throws {
        let first = Scenario(.init(seed: 41, notifications: 1, mix: .plain))
        let merchant = Merchant(
            sellerID: "2088000000000077", name: "二号物业", communities: ["C300000000001"], appAuthToken: "token-77")
        let second = Scenario(
            .init(seed: 42, notifications: 1, mix: .plain, appID: "2021000000000077", merchants: [merchant]))
        let (one, other) = (try #require(first.trades.first?.trade), try #require(second.trades.first?.trade))
        try await Turns.one {
            try await RealStage.with(first) { stage in
                let keys = try SandboxKeys.generate()
                try FileManager.default.createDirectory(
                    atPath: stage.folder + "/second", withIntermediateDirectories: false)
                let files = try keys.write(into: FilePath(stage.folder + "/second"))
                let gateway = GatewaySimulator(
                    appID: second.settings.appID, keys: keys, book: TradeBook(second.trades), tokens: second.tokens)
                try await gateway.whileRunning { url in
                    let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
                    let app = second.settings.appID
                    try good.replacing(
                        "sources:\n",
                        with: """
                              - { id: "\(app)", gateway: "\(url)", private_key_file: "\(files.appPrivateKey)",
                                  alipay_public_key_file: "\(files.alipayPublicKey)" }
                            sources:

                            """
                    ).replacing(
                        "merchants:\n",
                        with: """
                            merchants:
                              - { seller_id: "\(merchant.sellerID)", app: "\(app)", app_auth_token: "token-77" }

                            """
                    ).write(toFile: stage.configuration, atomically: true, encoding: .utf8)
                    let program = try stage.start("work")
                    try await program.during {
                        _ = try await program.addresses()
                        #expect(try await query(one, app: first.settings.appID, stage) == .exit(0))
                        #expect(try await query(other, app: second.settings.appID, stage) == .exit(0))
                    }
                }
                #expect(stage.gateway.truth.totalQuestions == 1)
                #expect(gateway.truth.totalQuestions == 1)
            }
        }
    }

    @Test func `an app with 1024-bit keys and SHA-1 works where that is allowed`() async throws {
        let scenario = Scenario(.init(seed: 43, notifications: 1, mix: .plain))
        let trade = try #require(scenario.trades.first?.trade)
        try await Turns.one {
            try await RealStage.with(scenario, arrangement: .init(legacy: true)) { stage in
                let program = try stage.start()
                try await program.during {
                    let address = try await program.addresses().notify
                    var message = NotificationMessage.cplife(trade, path: "/notify/cplife", notifiedAt: trade.paidAt)
                    message.algorithm = .rsa
                    let answer = try await stage.post(message.sealed(with: stage.keys.alipay), to: address)
                    #expect(answer.status == 200 && answer.body.contains("<sign_type>RSA</sign_type>"), "\(answer)")
                    _ = try await eventually("the trade to be settled") {
                        try await stage.pool.query(FeedReader.lane, Self.settlements).isEmpty ? nil : true
                    }
                    // A message cannot choose: RSA2 is refused where RSA is what is configured.
                    message.algorithm = .rsa2
                    let other = try await stage.post(message.sealed(with: stage.keys.alipay), to: address)
                    #expect(other.status == 401)
                }
            }
        }
    }

    private static let settlements = Statement("e2e.app_settlements", "SELECT id FROM settled.settlements")
}
