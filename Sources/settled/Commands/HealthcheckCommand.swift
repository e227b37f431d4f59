import ArgumentParser
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// `settled healthcheck`: whether a server here is ready, for containers.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a running server whether it is ready; ends with 0 or 1.",
        discussion: "Without --url it asks /readyz at http.admin_listen of the configuration.")

    @Option(name: .long, help: "What to ask, such as http://127.0.0.1:9090/livez.")
    var url: String?
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let url = try url ?? usualURL()
        do {
            let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(3))
            let text = String(buffer: try await answer.body.collect(upTo: 4096))
            if answer.status.code == 200 { return output.note(text.trimmed) }
            throw CommandFailure("\(url) answered \(answer.status.code): \(text.trimmed)")
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure("\(url) cannot be asked: \(error)")
        }
    }

    /// A server that listens everywhere is asked on loopback.
    private func usualURL() throws -> String {
        let listen = try configuration.load().settings.http.adminListen
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][listen.host] ?? listen.host
        return "http://\(ListenAddress(host: host, port: listen.port))/readyz"
    }
}

extension String {
    fileprivate var trimmed: String { split(whereSeparator: \.isNewline).joined(separator: " ") }
}
