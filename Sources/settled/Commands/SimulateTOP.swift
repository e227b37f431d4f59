import ArgumentParser
import Logging
import Sandbox
import ServiceLifecycle
import UnixSignals

/// `settled simulate top`.
struct SimulateTOP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Answer alibaba.idle.agreement.pay.query as Taobao's platform would, until SIGTERM.",
        discussion: """
            The orders come from --orders, one JSON object a line: {"biz_order_id":"12838882","story":"paid","amounts":["50","70"]}, \
            amounts in fen, stories paid, failed, partly, endless, changing, mismatched. Each question tells the story's next \
            step. The printed address is `taobao.gateway`; the secret in --secret-file is `taobao.app_secret`. With \
            --calls-per-minute whoever asks more often is banned for --ban seconds, and for as long again whenever asking during it.
            """)

    @Option(name: .long, help: ArgumentHelp("The orders.", valueName: "file.jsonl"), completion: .file())
    var orders: String
    @Option(name: .long, help: "The app key that may ask.")
    var appKey = "12345678"
    @Option(name: .long, help: ArgumentHelp("A file with the app's secret.", valueName: "file"), completion: .file())
    var secretFile: String
    @Option(
        name: .long, help: ArgumentHelp("A file with the session key that holds; any unless told.", valueName: "file"),
        completion: .file())
    var sessionFile: String?
    @Flag(name: .long, help: "Write amounts in yuan.")
    var yuan = false
    @Option(name: .long, help: "How many calls a minute are allowed.")
    var callsPerMinute: Int?
    @Option(name: .long, help: "How many seconds a ban lasts.")
    var ban = 60
    @Option(name: .long, help: "The address to listen on.")
    var host = "127.0.0.1"
    @Option(name: .long, help: "The port; 0 takes a free one.")
    var port = 8091
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes 0 to 65535") }
        guard (1...1_000_000).contains(callsPerMinute ?? 1) else {
            throw ValidationError("--calls-per-minute takes 1 to 1000000")
        }
        guard (1...86_400).contains(ban) else { throw ValidationError("--ban takes 1 to 86400") }
    }

    func run() async throws {
        let orders = try OrdersFile.read(orders)
        let limit = callsPerMinute.map { OrderBook.Limit(calls: $0, span: .seconds(60), ban: .seconds(ban)) }
        let platform = TOPSimulator(
            appKey: appKey, secret: try Self.text(secretFile),
            book: OrderBook(orders, session: try sessionFile.map(Self.text), limit: limit), writesYuan: yuan,
            host: host,
            port: port)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: platform)], gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "settled") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                StandardOutput.line(try await platform.url)
                output.note("\(orders.count) orders; app key \(appKey)")
            }
            do {
                try await tasks.waitForAll()
            } catch {
                throw CommandFailure("the platform stopped: \(error)", .dependencyDown)
            }
        }
    }

    /// A secret's text without the white space around it.
    private static func text(_ path: String) throws -> String {
        do throws(SettingsFile.Unreadable) {
            let text = SettingsSection.trimmed(try SettingsFile.text(path))
            guard !text.isEmpty else { throw SettingsFile.Unreadable(reason: "is empty") }
            return text
        } catch {
            throw CommandFailure("the file \(path) \(error.reason)", .configuration)
        }
    }
}

/// Withholding orders that somebody wrote down for the simulator, one a line.
private enum OrdersFile {
    static func read(_ path: String) throws -> [PlatformOrder] {
        let text: String
        do throws(SettingsFile.Unreadable) {
            text = try SettingsFile.text(path)
        } catch {
            throw CommandFailure("the orders file \(path) \(error.reason)", .configuration)
        }
        var orders: [PlatformOrder] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !$0.isWhitespace }) {
            do throws(SandboxError) {
                orders.append(try PlatformOrder(line: String(line)))
            } catch {
                throw CommandFailure("\(path):\(index + 1): the order \(error.message)", .configuration)
            }
        }
        return orders
    }
}
