import FailPoints
import Foundation
import Glibc
import Postgres
import Sandbox
import Testing

/// F01–F09 and the feed's own steps: the real program is killed with SIGKILL at a step of the line, started again, and has
/// lost, doubled and invented nothing.
@Suite struct KillTests {
    /// More rounds for a night: SETTLED_E2E_ROUNDS=200.
    static let rounds = Int(ProcessInfo.processInfo.environment["SETTLED_E2E_ROUNDS"] ?? "") ?? 1

    @Test(arguments: FailPoint.names)
    func `killed at a step and started again, it has settled every acknowledged notification once`(step: String)
        async throws
    {
        for round in 0..<Self.rounds {
            try await Turns.one { try await kill(at: step, round: round) }
        }
    }

    private func kill(at step: String, round: Int) async throws {
        let mix = ScenarioMix(
            weights: [
                .plain: 10, .tradeFormat: 4, .tokenOnly: 2, .tokenAndTradeNo: 2, .exactDuplicate: 2, .forged: 2,
                .closed: 1,
            ])
        let scenario = Scenario(.init(seed: 7 + UInt64(round), notifications: 30, mix: mix))
        try await RealStage.with(scenario) { stage in
            let address = "127.0.0.1:\(try RealStage.freePort())"
            // A few turns in, so that something is under way on both sides of the step.
            let first = try stage.start(
                failPoint: "\(step):kill:\(step.hasPrefix("feed") ? 1 : 2 + round % 3)", listen: address)
            try await first.during(endingWith: .signal(SIGKILL)) {
                _ = try await first.addresses()
                let journal = DeliveryJournal()
                let sender = stage.sender(to: address, journal)
                let sending = Task { try await sender.send(scenario.deliveries) }
                defer { sending.cancel() }
                _ = await first.waitForEnd()
                let second = try stage.start(listen: address)
                try await second.during {
                    try await sending.value
                    try await stage.judge(journal)
                    guard step == "intake.committed" else { return }
                    // The commit had happened and the answer had not: the platform sends again and is told "received".
                    let duplicates = try await stage.pool.query(
                        "read",
                        Statement(
                            "e2e.duplicates", "SELECT count(*) FROM settled.deliveries WHERE result = 'duplicate'"))
                    #expect(try #require(duplicates.first).int8(0) >= 1)
                }
            }
        }
    }
}
