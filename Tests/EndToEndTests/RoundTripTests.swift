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
            try await platform.serving { gateway in
                let program = try stage.start(environment: [
                    "SETTLED_APPS_0_GATEWAY": "http://127.0.0.1:\(gateway.port)/gateway.do"
                ])
                try await program.during {
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
                }
            }
        }
    }

    @Test(arguments: [("official", "md5"), ("community", "hmac")])
    func `agreements and withholding orders are asked for in calls that an SDK verifies, and read from its answers`(
        sdk: String, signMethod: String
    ) async throws {
        try await RealStage.with(Scenario(.init(seed: 13, notifications: 1, mix: .plain))) { stage in
            let platform = try Platform(sdk, on: stage)
            try await platform.serving { gateway in
                let origin = "http://127.0.0.1:\(gateway.port)"
                let environment = [
                    "SETTLED_APPS_0_GATEWAY": origin + "/gateway.do", "SETTLED_AGREEMENTS_RATE_PER_SECOND": "100",
                    "SETTLED_TAOBAO_GATEWAY": origin + "/router/rest", "SETTLED_TAOBAO_APP_KEY": "12345678",
                    "SETTLED_TAOBAO_APP_SECRET": Platform.topSecret, "SETTLED_TAOBAO_SIGN_METHOD": signMethod,
                    "SETTLED_WITHHOLDING_AMOUNT_UNIT": "fen",
                ]
                let program = try stage.start(environment: environment)
                try await program.during {
                    _ = try await program.addresses()
                    let file = stage.folder + "/agreements.csv"
                    let rows = Platform.agreements.map { [$0["user_id"] ?? "", $0["agreement_id"] ?? "", "OUT1"] }
                    let gone = ["2088000000000003", "20160331000700130003", ""]
                    try (["user_id,agreement_id,out_agreement_id"] + (rows + [gone]).map { $0.joined(separator: ",") })
                        .joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
                    _ = try await Self.command(["agreements", "import", file], stage, environment)
                    // 6: there is something to look at.
                    let found = try await Self.command(
                        ["agreements", "check", "--json", "--timeout", "60"], stage, environment, ends: 6)
                    #expect(found.contains(#""equal":1,"differs":1,"missing_at_alipay":1,"undecided":0"#), "\(found)")

                    _ = try await Self.command(
                        ["withholding", "add", "--biz-order-id", "12838882", "--pay-biz-code", "R1"], stage, environment
                    )
                    let fen = try await eventually("both instalments to be settled") { () -> [Int64]? in
                        let rows = try await stage.pool.query(FeedReader.lane, Self.withheld)
                        return rows.count == 2 ? try rows.map { try $0.int8("total_fen") } : nil
                    }
                    #expect(fen == [50, 70])
                    let calls = gateway.calls
                    #expect(calls.allSatisfy { $0["verified"] as? Bool == true }, "\(calls)")
                    #expect(calls.contains { $0["sign_method"] as? String == signMethod })
                    print("\(sdk): \(calls.count) calls of both other APIs verified, TOP's with \(signMethod)")
                }
            }
        }
    }

    private static let withheld = Statement(
        "roundtrip_withheld",
        "SELECT total_fen FROM settled.settlements WHERE kind = 'withholding' ORDER BY plan_id")

    private static func command(
        _ arguments: [String], _ stage: RealStage, _ environment: [String: String], ends code: Int32 = 0
    ) async throws -> String {
        let child = try RealProgram(
            arguments + ["--config", stage.configuration], folder: stage.folder, environment: environment)
        let end = await child.waitForEnd()
        guard end == .exit(code) else { throw RealProgram.Failure(description: "\(end): \(child.output)") }
        return child.output
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
