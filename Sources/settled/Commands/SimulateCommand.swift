import Alipay
import ArgumentParser
import Foundation
import Sandbox
import SystemPackage
import Wire

/// `settled simulate`: the other side of the wire, for those who have no public address or no trust in a sandbox.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Play Alipay: its keys, its gateway, its notifications.",
        discussion: """
            simulate keys DIR makes throw-away keys, simulate gateway answers pay-result queries, simulate send signs and \
            posts notifications; simulate top plays Taobao's platform for withholding. Never use these keys for anything else.
            """,
        subcommands: [Keys.self, SimulateGateway.self, SimulateSend.self, SimulateTOP.self])

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write throw-away key pairs of the platform and of an app into a folder.",
            discussion: "Existing files are never overwritten.")

        @Argument(help: "The folder; it is made when it is missing.", completion: .directory)
        var folder: String
        @OptionGroup var output: OutputOptions

        func run() throws {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw CommandFailure("the folder \(folder) cannot be made: \(error.localizedDescription)")
            }
            let planned = SandboxKeys.Files(in: FilePath(folder))
            if FileManager.default.fileExists(atPath: planned.appPrivateKey.string) {
                throw CommandFailure("\(folder) has keys already; they are left as they are", .conflict)
            }
            let files = try SandboxKeys.generate().write(into: FilePath(folder))
            if output.json {
                var line = JSONLine()
                line.add("private_key_file", files.appPrivateKey.string)
                line.add("alipay_public_key_file", files.alipayPublicKey.string)
                line.add("sandbox_alipay_private_key_file", files.alipayPrivateKey.string)
                StandardOutput.write(line.line)
            } else {
                StandardOutput.line("private_key_file: \(files.appPrivateKey)")
                StandardOutput.line("alipay_public_key_file: \(files.alipayPublicKey)")
            }
        }
    }
}

/// The keys that both ends of a simulation read.
struct SimulationKeys: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("The folder that `simulate keys` filled.", valueName: "dir"),
        completion: .directory)
    var keys: String

    func load() throws -> SandboxKeys {
        do {
            return try SandboxKeys.load(from: FilePath(keys))
        } catch {
            throw CommandFailure("\(error): `settled simulate keys \(keys)` makes them", .configuration)
        }
    }
}

/// A scenario that two programs play together: with the same numbers both know the same trades.
struct ScenarioOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Play a whole scenario of so many notifications.", valueName: "n"))
    var scenario: Int?
    @Option(name: .long, help: "The seed of the scenario.")
    var seed: UInt64 = 20_261_120
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The day of the scenario's trades in Shanghai; today unless told. Both ends need the same.",
            valueName: "yyyy-mm-dd"))
    var day: String?
    @Option(name: .long, help: "The app's id.")
    var appID = "2021000000000001"

    func validate() throws {
        guard (1...1_000_000).contains(scenario ?? 1) else { throw ValidationError("--scenario takes 1 to 1000000") }
        if day != nil, startsAt == nil { throw ValidationError("--day takes a date such as 2026-11-20") }
    }

    /// Noon in Shanghai, so that trades paid some minutes before are of the same day.
    private var startsAt: Int64? {
        let today = ShanghaiTime.format(unixSeconds: Int64(Date().timeIntervalSince1970)).prefix(10)
        return ShanghaiTime.parse("\(day ?? String(today)) 12:00:00")
    }

    /// nil when none is to be played.
    var play: Scenario? {
        scenario.map { Scenario(.init(seed: seed, notifications: $0, appID: appID, startsAt: startsAt)) }
    }
}
