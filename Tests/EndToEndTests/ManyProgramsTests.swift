import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import Postgres
import Sandbox
import Testing

@testable import settled

/// Several programs on one database, and one that was frozen.
@Suite struct ManyProgramsTests {
    @Test func `two programs on one database settle each trade once and number one dense feed`() async throws {
        let scenario = Scenario(.init(seed: 11, notifications: 120))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                try await RealProgram.several { programs in
                    for _ in 0..<2 { programs.append(try stage.start()) }
                    let journal = DeliveryJournal()
                    let half = scenario.deliveries.count / 2
                    let addresses = try await (programs[0].addresses(), programs[1].addresses())
                    async let one: Void = stage.sender(to: addresses.0.notify, journal)
                        .send(Array(scenario.deliveries[..<half]))
                    async let other: Void = stage.sender(to: addresses.1.notify, journal)
                        .send(Array(scenario.deliveries[half...]))
                    _ = try await (one, other)
                    try await stage.judge(journal)
                }
            }
        }
    }

    @Test func `a worker that was stopped past its lease has its late completion refused and counted`() async throws {
        // Every answer takes a second, so that the worker is stopped with all of them under way.
        let mix = ScenarioMix(weights: [.lateAnswer: 1], lateness: .seconds(2))
        let scenario = Scenario(.init(seed: 13, notifications: 12, mix: mix))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                try await RealProgram.several { programs in
                    let first = try stage.start()
                    programs.append(first)
                    let journal = DeliveryJournal()
                    let address = try await first.addresses()
                    try await stage.sender(to: address.notify, journal).send(scenario.deliveries)
                    _ = try await eventually("the gateway to be asked") {
                        stage.gateway.truth.totalQuestions >= scenario.deliveries.count ? true : nil
                    }
                    first.send(SIGSTOP)
                    let second = try stage.start()
                    programs.append(second)
                    _ = try await second.addresses()
                    try await stage.judge(journal)
                    first.send(SIGCONT)
                    let refused = try await eventually("the late completions to be refused") {
                        let count = try await Self.metric("settled_stale_completions_total", at: address.admin)
                        return count > 0 ? count : nil
                    }
                    #expect(refused > 0)
                    try await stage.judge(journal)
                }
            }
        }
    }

    @Test func `a program that only works hears of what another takes in, and does not wait for its next look`()
        async throws
    {
        let scenario = Scenario(.init(seed: 17, notifications: 2, mix: ScenarioMix(weights: [.plain: 1])))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                let looks = ["SETTLED_WORK_POLL_INTERVAL": "60s"]
                try await RealProgram.several { programs in
                    programs.append(try stage.start("serve"))
                    programs.append(try stage.start("work", environment: looks))
                    let address = try await programs[0].addresses()
                    _ = try await programs[1].addresses()
                    let ledger = DemoLedger(pool: stage.pool)
                    // The first may be found by the look at the start; by then the worker waits for the next one, a minute.
                    for (number, delivery) in scenario.deliveries.prefix(2).enumerated() {
                        try await stage.sender(to: address.notify, DeliveryJournal()).send([delivery])
                        _ = try await eventually("the work to be done", within: .seconds(20)) {
                            try await ledger.progress().finished > number ? true : nil
                        }
                    }
                }
            }
        }
    }

    private static func metric(_ name: String, at address: String) async throws -> Double {
        let answer = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://\(address)/metrics"), timeout: .seconds(10))
        let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
        return text.split(separator: "\n").filter { $0.hasPrefix(name) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }
}
