import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import Testing
import Wire

/// Round trips with SDKs that other people wrote: they verify what the real program signs, and it verifies what they sign.
///
/// Optional, because it needs Python packages: `make roundtrips` fetches them into `.build/roundtrips` and runs this suite
/// with `SETTLED_ROUNDTRIPS` naming that folder.
@Suite(.enabled(if: Platform.environments != nil), .serialized)
struct RoundTripTests {
    @Test(arguments: ["official", "community"])
    func `notifications that an SDK signs are settled from answers that it signs, and it verifies every call of ours`(
        sdk: String
    ) async throws {
        let scenario = Scenario(.init(seed: 11, notifications: 40, mix: .plain))
        try await RealStage.with(scenario) { stage in
            let platform = try Platform(sdk, on: stage)
            let gateway = try await platform.serve()
            let program = try stage.start(environment: [
                "SETTLED_APPS_0_GATEWAY": "http://127.0.0.1:\(gateway.port)/gateway.do"
            ])
            do {
                let address = try await program.addresses().notify
                let lines = try await platform.notify("http://\(address)/notify/cplife")
                #expect(lines.count == platform.tradeNos.count)
                #expect(lines.allSatisfy { $0["acknowledged"] as? Bool == true }, "\(lines.prefix(3))")

                let settled = try await eventually("every trade to be settled") { () -> [String: String]? in
                    let found = try await Self.settlements(stage)
                    return found.count == platform.tradeNos.count ? found : nil
                }
                #expect(settled == platform.totals)
                let calls = gateway.calls
                #expect(calls.count >= platform.tradeNos.count)
                #expect(calls.allSatisfy { $0["verified"] as? Bool == true }, "\(calls.prefix(3))")
                print(
                    "\(sdk): \(lines.count) notifications acknowledged, \(calls.count) calls verified, \(settled.count) settled"
                )
                program.send(SIGTERM)
                #expect(await program.waitForEnd() == .exit(0))
                await gateway.end()
            } catch {
                await program.reap()
                await gateway.end()
                throw error
            }
        }
    }

    @Test func `the official client reads the simulated gateway and accepts its signatures`() async throws {
        let scenario = Scenario(.init(seed: 12, notifications: 5, mix: .plain))
        try await RealStage.with(scenario) { stage in
            let platform = try Platform("official", on: stage)
            let trade = try #require(scenario.trades.first?.trade)
            let gateway = try await stage.gateway.url
            let method = "alipay.eco.cplife.pay.result.query"
            let answer = try await platform.ask(
                gateway, method, ["trade_no": trade.tradeNo], token: trade.appAuthToken)
            #expect(answer["trade_no"] as? String == trade.tradeNo)
            #expect(answer["code"] as? String == "10000")
            let unknown = try await platform.ask(gateway, method, ["trade_no": "nowhere"])
            #expect(unknown["sub_code"] as? String == "PAY_INFO_NOT_EXISTING")
        }
    }

    private static let totals = Statement(
        "roundtrip_totals", "SELECT trade_no, total_fen FROM settled.settlements WHERE kind = 'payment'")

    private static func settlements(_ stage: RealStage) async throws -> [String: String] {
        let rows = try await stage.pool.query(FeedReader.lane, totals)
        return Dictionary(
            uniqueKeysWithValues: try rows.map {
                (try $0.text("trade_no"), Amount(fen: try $0.int8("total_fen")).yuan)
            })
    }
}
