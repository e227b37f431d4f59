import Alipay
import AsyncHTTPClient
import Foundation
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Postgres
import Sandbox
import Settlement
import SystemPackage
import TestSupport
import Testing

@testable import settled

/// A database, a gateway with a truth of its own, keys and a configuration file: everything that the real program needs.
struct RealStage: Sendable {
    let folder: String
    let configuration: String
    let keys: SandboxKeys
    let gateway: GatewaySimulator
    let scenario: Scenario
    let pool: Pool
    let database: ConnectionSettings

    /// How the app and the platform have arranged themselves.
    struct Arrangement: Sendable {
        /// Certificates instead of Alipay's public key.
        var certificates = false
        /// The content key of both sides, Base64.
        var contentKey: String?
        /// 1024-bit keys and SHA-1, as an app that was never changed has them.
        var legacy = false
    }

    static func with<T: Sendable>(
        _ scenario: Scenario, lease: String = "10s", port: Int? = nil, arrangement: Arrangement = Arrangement(),
        _ body: (RealStage) async throws -> T
    ) async throws -> T {
        try await withDatabase { database in
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("settled-e2e-\(UUID().uuidString.prefix(8))").path
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let keys = try SandboxKeys.generate(bits: arrangement.legacy ? 1024 : 2048)
            let files = try keys.write(into: FilePath(folder))
            let certificates = try arrangement.certificates ? RealStage.certificates(scenario, keys, folder) : nil
            if let key = arrangement.contentKey {
                try key.write(toFile: folder + "/aes.key", atomically: true, encoding: .utf8)
            }
            for merchant in scenario.settings.merchants {
                guard let token = merchant.appAuthToken else { continue }
                try token.write(toFile: folder + "/token-\(merchant.sellerID)", atomically: true, encoding: .utf8)
            }
            let gateway = GatewaySimulator(
                appID: scenario.settings.appID, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens,
                algorithms: arrangement.legacy ? [.rsa] : [.rsa2], certificates: certificates,
                contentKey: try arrangement.contentKey.map { try ContentKey(text: $0) })
            return try await gateway.whileRunning { url in
                let file = folder + "/settled.yaml"
                try text(scenario, database, url, files, arrangement, lease: lease).write(
                    toFile: file, atomically: true, encoding: .utf8)
                let pool = Pool(
                    database, lanes: [FeedReader.lane: 2],
                    logger: Logger(label: "e2e", factory: { _ in SwiftLogNoOpLogHandler() }))
                do {
                    let value = try await body(
                        RealStage(
                            folder: folder, configuration: file, keys: keys, gateway: gateway, scenario: scenario,
                            pool: pool, database: database))
                    await pool.close()
                    return value
                } catch {
                    await pool.close()
                    throw error
                }
            }
        }
    }

    private static func text(
        _ scenario: Scenario, _ database: ConnectionSettings, _ gateway: String, _ files: SandboxKeys.Files,
        _ arrangement: Arrangement, lease: String
    ) -> String {
        let app = scenario.settings.appID
        var keys =
            arrangement.certificates
            ? "app_cert_file: app.crt, alipay_cert_file: alipay.crt, alipay_root_cert_file: root.crt"
            : "alipay_public_key_file: \"\(files.alipayPublicKey)\""
        if arrangement.legacy { keys += ", sign_type: RSA, allow_legacy_rsa: true" }
        if arrangement.contentKey != nil { keys += ", aes_key_file: aes.key" }
        var text = """
            database: { url: "\(database.conninfo)", pools: { intake: 2, unverified: 1, work: 2, read: 1, feed: 1 } }
            http: { listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0" }
            apps:
              - { id: "\(app)", gateway: "\(gateway)", private_key_file: "\(files.appPrivateKey)",
                  \(keys) }
            sources:
              - { name: cplife, app: "\(app)", profile: cplife, ack: signed-xml, sign_types: [\(arrangement.legacy ? "RSA" : "RSA2")] }
              - { name: trade, app: "\(app)", profile: trade, ack: success }
            work: { lease: \(lease), heartbeat: 2s, poll_interval: 200ms }
            limits: { unverified_per_second: 10000 }
            gateway: { rate_per_second: 5000, retry_floor_per_second: 1000 }
            log: { format: json, level: info }
            merchants:

            """
        for merchant in scenario.settings.merchants {
            text += "  - { seller_id: \"\(merchant.sellerID)\", app: \"\(app)\", communities: ["
            text += merchant.communities.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
            if merchant.appAuthToken != nil { text += ", app_auth_token_file: token-\(merchant.sellerID)" }
            text += " }\n"
        }
        return text
    }

    /// Writes the certificates of both sides as the console would give them.
    private static func certificates(
        _ scenario: Scenario, _ keys: SandboxKeys, _ folder: String
    ) throws -> SandboxCertificates {
        let made = try SandboxCertificates(keys, authority: SandboxAuthority(), appID: scenario.settings.appID)
        for (name, text) in [("app", made.app), ("alipay", made.alipay), ("root", made.authority.bundle)] {
            try text.write(toFile: folder + "/\(name).crt", atomically: true, encoding: .utf8)
        }
        return made
    }

    /// Starts `settled COMMAND` with this stage's configuration.
    func start(
        _ command: String = "run", failPoint: String? = nil, listen: String = "127.0.0.1:0",
        environment: [String: String] = [:]
    ) throws -> RealProgram {
        var environment = environment
        environment["SETTLED_HTTP_LISTEN"] = listen
        if let failPoint { environment["SETTLED_FAILPOINT"] = failPoint }
        return try RealProgram([command, "--config", configuration], folder: folder, environment: environment)
    }

    /// Posts one notification and gives the answer's status and body.
    func post(_ notification: SealedNotification, to address: String) async throws -> (status: Int, body: String) {
        var request = HTTPClientRequest(url: "http://\(address)/notify/cplife")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: notification.contentType)
        request.body = .bytes(ByteBuffer(bytes: notification.body))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        return (Int(answer.status.code), String(buffer: try await answer.body.collect(upTo: 1 << 20)))
    }

    func sender(to address: String, _ journal: DeliveryJournal, gap: Duration = .milliseconds(300))
        -> NotificationSender
    {
        let appKey = keys.app.publicKey
        return NotificationSender(
            targets: [
                "cplife": .init(
                    url: "http://\(address)/notify/cplife", acknowledgement: .init(.signedXML, appKey: appKey)),
                "trade": .init(
                    url: "http://\(address)/notify/trade", acknowledgement: .init(.success, appKey: appKey)),
            ],
            keys: keys, schedule: .every(gap, times: 300), concurrency: 8, timeout: .seconds(5), journal: journal)
    }

    /// Waits until nothing is left to do, and gives the whole thing to the witness.
    func judge(_ journal: DeliveryJournal) async throws {
        let ledger = DemoLedger(pool: pool)
        _ = try await eventually("the line to come to rest") {
            try await ledger.progress().isQuiet ? true : nil
        }
        let verdict = Witness(
            truth: gateway.truth, journal: journal.entries, expectations: scenario.expectations
        ).examine(try await ledger.account())
        #expect(verdict.findings.isEmpty, "\(verdict.findings.prefix(5))")
        #expect(verdict.holds, "\(verdict.settledOnce) of \(verdict.due) trades settled exactly once")
        #expect(verdict.due > 0)
        #expect(journal.tally.givenUp == 0)
        let chain = try await FeedVerification(pool: pool).verify()
        #expect(chain.findings.isEmpty)
        #expect(chain.unnumbered == 0 && chain.publishedHead == chain.head)
    }

    /// A port below the range from which the system takes its own, so that nobody else is given it meanwhile.
    static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 20_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let isFree = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isFree { return port }
        }
        throw RealProgram.Failure(description: "no free port was found")
    }
}

/// A few stages at a time: each is two programs and a gateway.
actor Turns {
    static let few = Turns(4)
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ free: Int) { self.free = free }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func give() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }

    static func one<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        await few.take()
        do {
            let value = try await body()
            await few.give()
            return value
        } catch {
            await few.give()
            throw error
        }
    }
}
