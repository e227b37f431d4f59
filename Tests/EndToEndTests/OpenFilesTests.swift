import AsyncHTTPClient
import Foundation
import Glibc
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
                    let silent = try (0..<150).map { _ in try SilentSender(addresses.notify) }
                    defer { silent.forEach { $0.end() } }
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

/// A connection that is opened and kept.
private struct SilentSender {
    private let socket: Int32

    init(_ address: String) throws {
        let port = address.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let descriptor = socket
        let isConnected = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(descriptor)
            throw RealProgram.Failure(description: "no connection to \(address)")
        }
    }

    func end() { close(socket) }
}
