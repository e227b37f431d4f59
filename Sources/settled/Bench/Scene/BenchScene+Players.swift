import Foundation
import SystemPackage

extension BenchScene {
    /// A service of the program as a process of its own, and where it listens.
    struct Service: Sendable {
        let process: AnotherProcess
        /// The port of notifications and of the API; 0 where it has none.
        let port: Int
    }

    /// Runs `settled serve`, `work` or `run` with the configuration, from when it listens until `body` returns.
    func service<T: Sendable>(
        _ word: String, _ body: @escaping @Sendable (Service) async throws -> T
    ) async throws -> T {
        try await AnotherProcess.running(
            [word, "--config", configuration.string], log: folder.appending("\(word).log")
        ) { process in
            let addresses = try await process.line("settled \(word) to listen") { line -> [String: String]? in
                guard line.contains("\"listening\""), line.hasSuffix("}") else { return nil }
                return (try? JSONSerialization.jsonObject(with: Data(line.utf8))).flatMap { $0 as? [String: Any] }?
                    .compactMapValues { $0 as? String }
            }
            let port = addresses["notify"]?.split(separator: ":").last.flatMap { Int($0) } ?? 0
            return try await body(Service(process: process, port: port))
        }
    }

    /// Runs the gateway in another process, its answers signed beforehand, and gives its address.
    func gateway<T: Sendable>(_ body: @escaping @Sendable (String) async throws -> T) async throws -> T {
        try await AnotherProcess.running(
            ["simulate", "gateway", "--trades", trades.string, "--keys", keys.string, "--port", "0", "--presign"],
            log: folder.appending("gateway.log")
        ) { process in
            try await body(process.line("the gateway to listen") { $0.hasPrefix("http://") ? String($0) : nil })
        }
    }

    /// Posts notifications in another process, and throws when one of them is not acknowledged.
    ///
    /// - Parameter rate: in a second; nil is as fast as they are answered.
    func post(
        _ notifications: Range<Int>, to service: Service, clients: Int, rate: Double? = nil
    ) async throws -> PostingOutcome {
        let output = try await AnotherProcess.output(of: [
            "bench", "post", "--port", "\(service.port)", "--path", Self.path, "--bodies", bodies.string, "--first",
            "\(notifications.lowerBound)", "--count", "\(notifications.count)", "--rate", "\(rate ?? 0)", "--clients",
            "\(clients)",
        ])
        let outcome = try JSONDecoder().decode(PostingOutcome.self, from: Data(output))
        guard outcome.refused == 0, outcome.sent == notifications.count else {
            throw CommandFailure(
                "\(outcome.refused) of \(notifications.count) verified notifications were not acknowledged")
        }
        return outcome
    }
}
