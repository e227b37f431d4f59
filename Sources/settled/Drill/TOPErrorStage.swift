import Foundation
import Logging
import Postgres
import Sandbox
import Settlement
import SystemPackage
import Taobao

/// One error of Taobao's platform, one withholding order, and the whole program between them.
struct TOPErrorStage: Sendable {
    let error: DocumentedError
    let fault: TOPFault
    let keys: SandboxKeys
    let database: ConnectionSettings

    func play() async throws -> Observation {
        let folder = FilePath(
            FileManager.default.temporaryDirectory.appendingPathComponent("settled-drill-\(UUID().uuidString)").path)
        try FileManager.default.createDirectory(
            atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let files = try keys.write(into: folder)
        // The order is paid from the beginning, so that the first answer that counts settles it.
        let paid = PlatformOrder.Step(
            "SUCCESSED", totalFen: 50, [.init(planID: "R1_1_1", status: "SUCCESSED", fen: 50, alipayTradeNo: "20201")])
        let faults = [TOPFault](repeating: fault, count: min(error.calls, 1_000))
        let book = OrderBook([PlatformOrder(bizOrderID: "1", steps: [paid], faults: faults)])
        let platform = TOPSimulator(appKey: "12345678", secret: "helloworld", book: book)
        return try await platform.whileRunning { url in
            let text = configuration(url, files)
            let settings = try LoadedSettings.load(text: text, file: folder.appending("settled.yaml").string).settings
            return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                let order = try WithholdingOrder(bizOrderID: "1", payBizCode: "R1")
                let added = try await WithholdingRegister(pool: pool).add([order], by: "drill")
                guard let id = added.first?.jobID else { throw CommandFailure("the job was not stored") }
                return try await JobWatch(name: error.name).observe(id, pool) { book.answers("1").count }
            }
        }
    }

    /// Retries and polls come quickly here, so that what passes is seen to pass.
    private func configuration(_ gateway: String, _ files: SandboxKeys.Files) -> String {
        """
        database: { url: "\(database.conninfo)", pools: { intake: 1, unverified: 1, work: 2, read: 1, feed: 1 } }
        http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
        apps:
          - { id: "2021000000000001", private_key_file: "\(files.appPrivateKey)",
              alipay_public_key_file: "\(files.alipayPublicKey)" }
        sources: [{ name: cplife }]
        taobao: { gateway: "\(gateway)", app_key: "12345678", app_secret: helloworld }
        withholding: { amount_unit: fen, poll_schedule: ["1s"] }
        work: { poll_interval: 100ms, retry: { first: 200ms, cap: 1s } }
        """
    }
}
