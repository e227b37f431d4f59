import ArgumentParser
import Logging
import Sandbox
import ServiceLifecycle
import SystemPackage
import UnixSignals

/// `settled simulate gateway`.
struct SimulateGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Answer alipay.eco.cplife.pay.result.query as the platform would, until SIGTERM.",
        discussion: """
            The trades come from --trades, one JSON object a line with at least trade_no and total_amount ("10.21"), or from a \
            --scenario, which also plays the gateway's faults. A program that asks uses the app's private key of --keys and \
            believes its alipay_public_key_file. The printed address is the app's `gateway`.
            """)

    @OptionGroup var keys: SimulationKeys
    @Option(name: .long, help: "The address to listen on.")
    var host = "127.0.0.1"
    @Option(name: .long, help: "The port; 0 takes a free one.")
    var port = 8090
    @Option(name: .long, help: ArgumentHelp("The trades.", valueName: "file.jsonl"), completion: .file())
    var trades: String?
    @OptionGroup var scenario: ScenarioOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (trades == nil) != (scenario.scenario == nil) else {
            throw ValidationError("name either --trades FILE or --scenario N")
        }
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes 0 to 65535") }
    }

    func run() async throws {
        let play = scenario.play
        let staged = try play?.trades ?? TradesFile.read(trades ?? "").map { StagedTrade($0) }
        let tokens = play?.tokens ?? Set(staged.compactMap(\.trade.appAuthToken))
        let gateway = GatewaySimulator(
            appID: scenario.appID, keys: try keys.load(), book: TradeBook(staged), tokens: tokens, host: host,
            port: port)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: gateway)], gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "settled") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                StandardOutput.line(try await gateway.url)
                output.note("\(staged.count) trades; app \(scenario.appID)")
            }
            do {
                try await tasks.waitForAll()
            } catch {
                throw CommandFailure("the gateway stopped: \(error)", .dependencyDown)
            }
        }
    }
}

/// Trades that somebody wrote down, one a line.
enum TradesFile {
    static func read(_ path: String) throws -> [Trade] {
        let text: String
        do throws(SettingsFile.Unreadable) {
            text = try SettingsFile.text(path)
        } catch {
            throw CommandFailure("the trades file \(path) \(error.reason)", .configuration)
        }
        var trades: [Trade] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !$0.isWhitespace }) {
            do throws(SandboxError) {
                trades.append(try Trade(line: String(line)))
            } catch {
                throw CommandFailure("\(path):\(index + 1): the trade \(error.message)", .configuration)
            }
        }
        return trades
    }
}
