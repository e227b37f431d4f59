import Foundation
import JobQueue
import Postgres
import Sandbox
import Settlement
import SystemPackage

/// One error, one agreement, one simulated gateway, and the whole program between them.
struct AgreementErrorStage: Sendable {
    let error: DocumentedError
    let fault: GatewayFault
    let keys: SandboxKeys
    let database: ConnectionSettings

    private static let app = "2021000000000001"
    private static let agreements = ["2088000000000001", "2088000000000002"].enumerated().map { index, user in
        SandboxAgreement(
            agreementID: "2016033100070013000093060055691\(index)", userID: user, chargeInst: "HZYHWATER",
            billKey: "0398312\(index)", outAgreementID: "738F4D9B\(index)", signDate: "2016-02-03 18:00:00")
    }

    private static let job = Statement(
        "drill.agreement_job", "SELECT id FROM settled.job_list WHERE queue = 'agreements' ORDER BY id LIMIT 1")

    func play() async throws -> Observation {
        let folder = FilePath(
            FileManager.default.temporaryDirectory.appendingPathComponent("settled-drill-\(UUID().uuidString)").path)
        try FileManager.default.createDirectory(
            atPath: folder.string, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let files = try keys.write(into: folder)
        let book = AgreementBook(Self.agreements)
        guard let agreement = Self.agreements.first else { throw CommandFailure("there is no agreement") }
        book.plan([PlannedFault(fault, calls: error.calls)], forUser: agreement.userID)
        let gateway = GatewaySimulator(appID: Self.app, keys: keys, book: TradeBook(), agreements: book)
        return try await gateway.whileRunning { url in
            let settings = try LoadedSettings.load(
                text: configuration(gateway: url, files: files), file: folder.appending("settled.yaml").string
            ).settings
            try await take(agreement)
            return try await RunningLine.with(settings, logTo: folder.appending("settled.log")) { _, pool in
                let runs = AgreementRuns(appID: Self.app, pool: pool, lane: TokenStore.lane)
                try await runs.queueChecks(of: runs.begin(by: "drill").id)
                guard let id = try await pool.query(TokenStore.lane, Self.job).first?.int8("id") else {
                    throw CommandFailure("the check was not queued")
                }
                return try await JobWatch(name: error.name).observe(id, pool) { book.timesAsked(agreement.userID) }
            }
        }
    }

    /// Takes the agreement in as a file would bring it.
    private func take(_ agreement: SandboxAgreement) async throws {
        let values = [
            agreement.userID, agreement.agreementID, agreement.chargeInst, agreement.billKey ?? "",
            agreement.outAgreementID, agreement.signDate,
        ]
        let text =
            "user_id,agreement_id,charge_inst,bill_key,out_agreement_id,sign_date\n"
            + values.joined(separator: ",") + "\n"
        let file = try RowFile(
            Array(text.utf8), columns: AgreementRecord.columns, required: ["user_id"], format: .csv)
        let connection = Connection(database)
        try await connection.connect()
        _ = try await AgreementImport(appID: Self.app).run(file, on: connection)
        await connection.close()
    }

    private func configuration(gateway: String, files: SandboxKeys.Files) -> String {
        """
        database: { url: "\(database.conninfo)", pools: { intake: 1, unverified: 1, work: 2, read: 1, feed: 1 } }
        http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
        apps:
          - { id: "\(Self.app)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
              alipay_public_key_file: "\(files.alipayPublicKey)" }
        work: { poll_interval: 100ms, retry: { first: 200ms, cap: 1s, not_existing_cap: 1s } }
        agreements: { rate_per_second: 100, daily_at: "23:59" }
        """
    }
}
