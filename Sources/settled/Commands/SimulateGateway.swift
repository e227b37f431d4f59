import Alipay
import ArgumentParser
import Foundation
import Glibc
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

            With --certificates it plays certificate mode: it writes app.crt, alipay.crt and root.crt into the folder anew, for \
            app_cert_file, alipay_cert_file and alipay_root_cert_file; and each SIGHUP renews Alipay's certificate, which the \
            program then downloads. With --aes-key-file it reads encrypted questions and answers them encrypted.
            """)

    @OptionGroup var keys: SimulationKeys
    @Option(name: .long, help: "The address to listen on.")
    var host = "127.0.0.1"
    @Option(name: .long, help: "The port; 0 takes a free one.")
    var port = 8090
    @Option(name: .long, help: ArgumentHelp("The trades.", valueName: "file.jsonl"), completion: .file())
    var trades: String?
    @Flag(
        name: .long,
        help: "Sign all answers before the first question, so that answering takes little of the processor.")
    var presign = false
    @Flag(name: .long, help: "Play certificate mode, with certificates made now.")
    var certificates = false
    @Option(
        name: .long, help: ArgumentHelp("The content key, Base64 as in the console.", valueName: "file"),
        completion: .file())
    var aesKeyFile: String?
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
        if certificates { signal(SIGHUP, SIG_IGN) }
        let pairs = try keys.load()
        let gateway = GatewaySimulator(
            appID: scenario.appID, keys: pairs, book: TradeBook(staged), tokens: tokens,
            certificates: try certificates ? made(for: pairs) : nil, contentKey: try contentKey(), host: host,
            port: port
        )
        if presign { try await gateway.presign() }
        var services: [any Service] = [gateway]
        if certificates {
            services.append(Renewals(seal: gateway.seal, told: { [output] in output.note($0) }))
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
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

extension SimulateGateway {
    /// Certificates of these keys, written beside them over those of an earlier play.
    private func made(for pairs: SandboxKeys) throws -> SandboxCertificates {
        let made = try SandboxCertificates(pairs, authority: SandboxAuthority(), appID: scenario.appID)
        for (name, text) in [("app", made.app), ("alipay", made.alipay), ("root", made.authority.bundle)] {
            let file = "\(keys.keys)/\(name).crt"
            do {
                try text.write(toFile: file, atomically: true, encoding: .utf8)
            } catch {
                throw CommandFailure("\(file) cannot be written: \(error)", .failure)
            }
        }
        return made
    }

    private func contentKey() throws -> ContentKey? {
        guard let aesKeyFile else { return nil }
        do {
            return try ContentKey(text: SettingsFile.text(aesKeyFile))
        } catch let error as SettingsFile.Unreadable {
            throw CommandFailure("the content key \(aesKeyFile) \(error.reason)", .configuration)
        } catch {
            throw CommandFailure("the content key \(aesKeyFile): \(error)", .configuration)
        }
    }

    /// Renews Alipay's certificate on each SIGHUP.
    private struct Renewals: Service {
        let seal: PlatformSeal
        let told: @Sendable (String) -> Void

        func run() async throws {
            for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
                let number = try seal.renewCertificate(of: .generate())
                told("answers are signed with the certificate \(number) now")
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
