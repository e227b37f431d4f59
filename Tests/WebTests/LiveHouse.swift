import Alipay
import Logging
import Postgres
import Schema
import ServiceLifecycle
import Settlement
import Telemetry
import TestSupport
import Web
import Wire

/// The routes over a real database behind a real listener, for one test.
struct LiveHouse: Sendable {
    let port: Int
    let adminPort: Int
    let database: ConnectionSettings
    let pool: Pool
    let tokens: TokenStore
    let metrics: Metrics
    let watch: FeedWatch

    static let appID = "2021000000000001"
    /// Made once: two key pairs cost half a second.
    static let keys: (alipay: PrivateKey, app: PrivateKey)? = {
        guard let alipay = try? PrivateKey.generate(bits: 2048), let app = try? PrivateKey.generate(bits: 2048) else {
            return nil
        }
        return (alipay, app)
    }()

    static func with(
        limits: WebLimits = WebLimits(), address: ClientAddress = ClientAddress(), withholding: Bool = true,
        isStopping: @escaping @Sendable () -> Bool = { false },
        _ body: @escaping @Sendable (LiveHouse) async throws -> Void
    ) async throws {
        guard let keys else { throw MissingKeys() }
        try await withDatabase { database in
            let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            let pool = Pool(
                database,
                lanes: [Intake.lane: 2, Intake.rejectedLane: 1, FeedReader.lane: 2, Readiness.lane: 1], logger: logger)
            let verifier = NotificationVerifier(profile: .cplife, algorithms: [.rsa2], keys: [keys.alipay.publicKey])
            let sources = try [
                Source(
                    name: "cplife", appID: appID, verifier: verifier,
                    acknowledgement: Acknowledgement(style: .signedXML, key: keys.app, algorithm: .rsa2)),
                Source(
                    name: "plain", appID: appID, verifier: verifier,
                    acknowledgement: Acknowledgement(style: .success, key: nil, algorithm: .rsa2)),
            ]
            let metrics = Metrics()
            let intake = Intake(
                keyring: Keyring(Credentials(sources: sources)), pool: pool, metrics: metrics, logger: logger)
            let reader = FeedReader(pool: pool)
            let watch = FeedWatch(reader: reader, logger: logger)
            let tokens = TokenStore(pool: pool)
            var house = House(
                intake: intake, reader: reader, watch: watch, settlements: SettlementRecords(pool: pool),
                jobs: JobRecords(pool: pool),
                gatekeeper: Gatekeeper(store: tokens),
                readiness: Readiness(pool: pool, schemaVersion: Schema.version, isStopping: isStopping),
                metrics: metrics, limits: limits, address: address, logger: logger)
            if withholding {
                house.withholdings = House.Withholdings(
                    records: WithholdingRecords(pool: pool), register: WithholdingRegister(pool: pool))
            }
            house.expectations = House.Expectations(pool: pool) {
                ExpectationTerms(
                    apps: [appID: nil],
                    merchants: Merchants([Merchant(sellerID: "2088000000000002", appID: appID)]), grace: .seconds(600))
            }
            let (ports, bound) = AsyncStream.makeStream(of: (Int, Int).self)
            let listeners = try [
                house.listener(host: "127.0.0.1", port: 0, rooms: [.notify, .api]) { bound.yield((0, $0)) },
                house.listener(host: "127.0.0.1", port: 0, rooms: .admin) { bound.yield((1, $0)) },
            ]
            let group = ServiceGroup(services: [pool, watch, intake] + listeners, logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var found: [Int: Int] = [:]
                for await (listener, port) in ports {
                    found[listener] = port
                    if found.count == 2 { break }
                }
                do {
                    try await body(
                        LiveHouse(
                            port: found[0] ?? 0, adminPort: found[1] ?? 0, database: database, pool: pool,
                            tokens: tokens, metrics: metrics, watch: watch))
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                watch.close()
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    struct MissingKeys: Error {}

    /// A signed property-fee notification as a form body.
    static func notification(tradeNo: String, total: String = "20.50", extra: [(String, String)] = []) throws -> [UInt8]
    {
        guard let keys else { throw MissingKeys() }
        var parameters =
            [
                ("trade_no", tradeNo), ("trade_status", "TRADE_SUCCESS"), ("total_amount", total),
                ("seller_id", "2088000000000002"), ("body", "R1|C1|H1"), ("det_list", "B1"), ("charset", "utf-8"),
                ("notify_time", "2026-11-20 22:07:12"), ("sign_type", "RSA2"),
            ] + extra
        let text = parameters.sorted { Array($0.0.utf8).lexicographicallyPrecedes(Array($1.0.utf8)) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        let signature = try keys.alipay.sign(Array(text.utf8), with: .rsa2)
        parameters.append(("sign", Base64.encode(signature)))
        return FormBody.encode(parameters.map { (Array($0.0.utf8), Array($0.1.utf8)) })
    }

    func count(_ sql: String) async throws -> Int64 {
        let connection = Connection(database)
        try await connection.connect()
        let value = try await connection.query(Statement("count", sql)).first?.int8(0)
        await connection.close()
        return value ?? -1
    }
}
