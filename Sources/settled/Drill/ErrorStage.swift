import Foundation
import JobQueue
import Logging
import Postgres
import Sandbox
import Settlement
import SystemPackage

/// One error, one trade, one simulated gateway, and the whole program between them.
struct ErrorStage: Sendable {
    let error: DocumentedError
    let fault: GatewayFault
    let keys: SandboxKeys
    let database: ConnectionSettings

    func play() async throws -> Observation {
        let folder = FilePath(
            FileManager.default.temporaryDirectory.appendingPathComponent("settled-drill-\(UUID().uuidString)").path)
        try FileManager.default.createDirectory(
            atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let files = try keys.write(into: folder)
        let scenario = Scenario(.init(seed: 3, notifications: 2, mix: .plain))
        var trades = scenario.trades
        guard var staged = trades.first else { throw CommandFailure("the scenario has no trade") }
        staged.faults = [PlannedFault(fault, calls: error.calls)]
        trades[0] = staged
        let gateway = GatewaySimulator(
            appID: scenario.settings.appID, keys: keys, book: TradeBook(trades), tokens: scenario.tokens)
        let trade = staged.trade
        return try await gateway.whileRunning { url in
            let text = configuration(scenario, gateway: url, files: files)
            let settings = try LoadedSettings.load(text: text, file: folder.appending("settled.yaml").string).settings
            return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                let job = PayResultJob(
                    source: scenario.settings.cplifeSource, appID: scenario.settings.appID, tradeNo: trade.tradeNo,
                    sellerID: trade.sellerID)
                let queued = try await pool.transaction(TokenStore.lane) { tx in
                    try JobQueue.enqueue(
                        [
                            NewJob(
                                queue: PayResultJob.queue, kind: PayResultJob.kind, args: job.args,
                                subject: job.subject, uniqueKey: nil)
                        ], in: tx)
                }
                guard let id = queued.first?.jobID else { throw CommandFailure("the job was not stored") }
                return try await JobWatch(name: error.name).observe(id, pool) {
                    gateway.truth.timesAsked(trade.tradeNo)
                }
            }
        }
    }

    /// Retries come quickly here, so that what passes is seen to pass; how long they really wait is shown by
    /// `config check --explain`.
    private func configuration(_ scenario: Scenario, gateway: String, files: SandboxKeys.Files) -> String {
        let app = scenario.settings.appID
        var text = """
            database: { url: "\(database.conninfo)", pools: { intake: 1, unverified: 1, work: 2, read: 1, feed: 1 } }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(app)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
                  alipay_public_key_file: "\(files.alipayPublicKey)" }
            sources:
              - { name: \(scenario.settings.cplifeSource), app: "\(app)", profile: cplife, ack: signed-xml }
            work: { poll_interval: 100ms, retry: { first: 200ms, cap: 1s, not_existing_cap: 1s } }
            merchants:

            """
        for merchant in scenario.settings.merchants {
            text += "  - { seller_id: \"\(merchant.sellerID)\", app: \"\(app)\""
            if let token = merchant.appAuthToken { text += ", app_auth_token: \"\(token)\"" }
            text += " }\n"
        }
        return text
    }
}
