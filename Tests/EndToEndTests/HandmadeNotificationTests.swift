import Foundation
import Glibc
import Logging
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Testing
import Wire

/// A newcomer's first notification: signed with the openssl command, posted and read back with curl.
@Suite struct HandmadeNotificationTests {
    @Test func `a body signed by openssl and posted by curl becomes a settlement that curl reads from the feed`()
        async throws
    {
        // The gateway knows the trade; the notification of it is made by hand.
        let scenario = Scenario(.init(seed: 5, notifications: 1, mix: .plain))
        let trade = try #require(scenario.trades.first?.trade)
        try await RealStage.with(scenario) { stage in
            let program = try stage.start()
            try await program.during {
                let address = try await program.addresses().notify
                let parameters = [
                    ("body", trade.bizEntityID), ("charset", "utf-8"), ("notify_time", "2026-11-20 22:07:12"),
                    ("seller_id", trade.sellerID), ("sign_type", "RSA2"), ("total_amount", Self.yuan(trade.totalFen)),
                    ("trade_no", trade.tradeNo), ("trade_status", "TRADE_SUCCESS"),
                ]
                let key = SandboxKeys.Files(in: .init(stage.folder)).alipayPrivateKey.string
                let signed = parameters.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
                try signed.write(toFile: stage.folder + "/signed.txt", atomically: true, encoding: .utf8)
                _ = try await Self.command(
                    "/usr/bin/openssl",
                    [
                        "dgst", "-sha256", "-sign", key, "-out", stage.folder + "/sign.bin",
                        stage.folder + "/signed.txt",
                    ],
                    stage)
                let sign = try Data(contentsOf: URL(fileURLWithPath: stage.folder + "/sign.bin")).base64EncodedString()
                let answer = try await Self.command(
                    "/usr/bin/curl",
                    ["-sS", "http://\(address)/notify/cplife"]
                        + (parameters + [("sign", sign)]).flatMap { ["--data-urlencode", "\($0.0)=\($0.1)"] }, stage)
                #expect(answer.contains(#"<response>{"econotify":"success"}</response>"#), "\(answer)")

                let token = try await TokenStore(pool: stage.pool).create(name: "e2e", scope: .read, actor: "test").text
                let feed = try await eventually("the settlement in the feed") { () -> String? in
                    let text = try await Self.command(
                        "/usr/bin/curl",
                        [
                            "-sS", "-H", "Authorization: Bearer \(token)",
                            "http://\(address)/v1/settlements/feed?after=0&wait=5",
                        ], stage)
                    return text.contains(trade.tradeNo) ? text : nil
                }
                #expect(feed.contains(#""seq":1"#))
                #expect(feed.contains("\"total_amount\":\"\(Self.yuan(trade.totalFen))\""))
            }
        }
    }

    private static func yuan(_ fen: Int64) -> String { "\(fen / 100).\(fen % 100 < 10 ? "0" : "")\(fen % 100)" }

    private static func command(_ path: String, _ arguments: [String], _ stage: RealStage) async throws -> String {
        let child = try RealProgram(arguments, folder: stage.folder, executable: path)
        let end = await child.waitForEnd()
        guard end == .exit(0) else {
            throw RealProgram.Failure(description: "\(path) ended with \(end): \(child.output)")
        }
        return child.output
    }
}
