import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Sandbox
import Testing

@testable import settled

/// A process that may open few files, and more senders than that.
@Suite struct OpenFilesTests {
    @Test func `senders who take all connections and say nothing take neither the database nor the gateway away`()
        async throws
    {
        let scenario = Scenario(.init(seed: 37, notifications: 12, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario) { stage in
                try await RealProgram.several { programs in
                    let program = try RealProgram(
                        ["--nofile=200:200", RealProgram.path(), "run", "--config", stage.configuration],
                        folder: stage.folder,
                        environment: [
                            "SETTLED_HTTP_LISTEN": "127.0.0.1:0", "SETTLED_WORK_CONCURRENCY": "8",
                            "SETTLED_LIMITS_IDLE_TIMEOUT": "2s",
                        ],
                        executable: "/usr/bin/prlimit")
                    programs.append(program)
                    let addresses = try await program.addresses()
                    #expect(program.output.contains("a listener takes 100 connections and not 4096"))
                    #expect(program.output.contains("LimitNOFILE=4360"))
                    let port = try #require(addresses.notify.split(separator: ":").last.flatMap { Int($0) })
                    let silent = try (0..<150).map { _ in try LoopbackConnection(port: port) }
                    defer { withExtendedLifetime(silent) {} }
                    let health = try await HTTPClient.shared.execute(
                        HTTPClientRequest(url: "http://\(addresses.admin)/readyz"), timeout: .seconds(20))
                    #expect(health.status == .ok)
                    // They wait until the silent ones are shown out.
                    let journal = DeliveryJournal()
                    try await stage.sender(to: addresses.notify, journal).send(scenario.deliveries)
                    try await stage.judge(journal)
                }
            }
        }
    }
}
