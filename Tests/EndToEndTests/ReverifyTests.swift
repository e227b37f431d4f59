import Alipay
import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Testing

@testable import settled

/// A wrong key for a night, with the real program: nothing that came meanwhile is lost when the key is mended.
@Suite struct ReverifyTests {
    @Test func `what was refused under a wrong key is settled after the key is mended, once`() async throws {
        let scenario = Scenario(.init(seed: 41, notifications: 20, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let good = try String(contentsOfFile: stage.configuration, encoding: .utf8)
                let files = SandboxKeys.Files(in: .init(stage.folder))
                try stage.keys.stranger.publicKey.pem.write(
                    toFile: stage.folder + "/wrong.pem", atomically: true, encoding: .utf8)
                func configure(_ text: String) throws {
                    try text.write(toFile: stage.configuration, atomically: true, encoding: .utf8)
                }
                func reverify(_ arguments: String...) async throws -> (RealProgram.End, String) {
                    let program = try RealProgram(
                        ["notifications", "reverify", "--config", stage.configuration] + arguments,
                        folder: stage.folder)
                    return (await program.waitForEnd(), program.output)
                }
                try configure(good.replacing(files.alipayPublicKey.string, with: stage.folder + "/wrong.pem"))
                let program = try stage.start()
                try await program.during {
                    var sender = stage.sender(to: try await program.addresses().notify, DeliveryJournal())
                    sender.schedule = RedeliverySchedule(gaps: [])
                    try await sender.send(scenario.deliveries)
                    let refused = try await stage.pool.query(FeedReader.lane, Self.refused)
                    #expect(try refused.first?.int8(0) == Int64(Set(scenario.deliveries.map(\.id)).count))
                    let (early, words) = try await reverify("--dry-run")
                    #expect(early == .exit(3), "\(words)")
                    #expect(words.contains("bad_signature"))

                    try configure(good)
                    program.send(SIGHUP)
                    _ = try await eventually("the reload") {
                        program.output.contains("the configuration was reloaded") ? true : nil
                    }
                    let (unasked, question) = try await reverify("--reason", "the key was mended")
                    #expect(unasked == .exit(2), "\(question)")
                    let (done, report) = try await reverify("--yes", "--reason", "the key was mended")
                    #expect(done == .exit(0), "\(report)")
                    _ = try await eventually("the trades to be settled") {
                        try await stage.pool.query(FeedReader.lane, Self.settled).first?.int8(0)
                            == Int64(scenario.trades.count) ? true : nil
                    }
                    let (again, rest) = try await reverify("--yes", "--reason", "once more")
                    #expect(again == .exit(3), "\(rest)")
                }
            }
        }
    }

    private static let refused = Statement("e2e.refused", "SELECT count(*) FROM settled.rejected")
    private static let settled = Statement("e2e.reverified_settlements", "SELECT count(*) FROM settled.settlements")
}
