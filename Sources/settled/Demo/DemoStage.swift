import Alipay
import Foundation
import Logging
import Postgres
import Sandbox
import Schema
import ServiceLifecycle
import Settlement
import SystemPackage

/// What the demo plays on: a private folder with keys and a configuration, a database server, a gateway, and the program
/// itself, all running.
struct DemoStage: Sendable {
    let folder: FilePath
    let settings: Settings
    let pool: Pool
    let gateway: GatewaySimulator
    let line: Line.Addresses
    let token: String
    let keys: SandboxKeys
    let database: String

    var notify: String { "http://\(line.notify ?? "")" }
    var api: String { "http://\(line.api ?? "")" }

    /// What somebody who stays needs to look around.
    var addresses: String {
        """
        notifications  \(notify)/notify/cplife and /notify/trade
        feed           curl -H 'Authorization: Bearer \(token)' '\(api)/v1/settlements/feed?after=0&limit=10'
        metrics        http://\(line.admin)/metrics
        configuration  \(folder)/settled.yaml
        look around    settled jobs list --config \(folder)/settled.yaml
        database       psql '\(database)'
        """
    }

    /// Sets the stage up, lends it to `play`, and clears it away.
    static func with<T: Sendable>(_ scenario: Scenario, _ play: @escaping @Sendable (DemoStage) async throws -> T)
        async throws -> T
    {
        try await EmbeddedPostgres.withServer { server in
            let folder = try makeFolder()
            defer { try? FileManager.default.removeItem(atPath: folder.string) }
            let keys = try SandboxKeys.generate()
            let files = try keys.write(into: folder)
            let gateway = GatewaySimulator(
                appID: scenario.settings.appID, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens)
            return try await gateway.whileRunning { url in
                let database = server.settings().conninfo
                let text = configuration(scenario, database: database, gateway: url, files: files)
                let file = folder.appending("settled.yaml").string
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let settings = try LoadedSettings.load(text: text, file: file).settings
                try await Startup.migrate(settings.database.direct)
                return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { line, pool in
                    let token = try await TokenStore(pool: pool).create(name: "demo", scope: .read, actor: "demo").text
                    return try await play(
                        DemoStage(
                            folder: folder, settings: settings, pool: pool, gateway: gateway, line: line, token: token,
                            keys: keys, database: database))
                }
            }
        }
    }

    private static func makeFolder() throws -> FilePath {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "settled-demo-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return FilePath(folder.path)
    }

    private static func configuration(_ scenario: Scenario, database: String, gateway: String, files: SandboxKeys.Files)
        -> String
    {
        let app = scenario.settings.appID
        let text = """
            # Made by `settled demo`; the keys beside it are thrown away with it.
            database: { url: "\(database)" }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(app)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
                  alipay_public_key_file: "\(files.alipayPublicKey)" }
            sources:
              - { name: \(scenario.settings.cplifeSource), app: "\(app)", profile: cplife, ack: signed-xml }
              - { name: \(scenario.settings.tradeSource), app: "\(app)", profile: trade, ack: success }
            limits: { unverified_per_second: 10000 }
            gateway: { rate_per_second: 5000, retry_floor_per_second: 1000 }
            merchants:

            """
        return text + SandboxConfiguration.merchants(scenario.settings.merchants, app: app)
    }
}
