import Alipay
import Logging
import Postgres
import ServiceLifecycle
import Settlement
import Synchronization
import Telemetry
import Wire

/// Durable acknowledgements a second, beside the same bytes inserted one row and one commit at a time by as many clients.
struct IntakeBench: Sendable {
    let database: DatabaseUnderBench
    let notifications: Int
    let clients: Int

    func run(rounds: Int, progress: (String) -> Void) async throws -> BenchResult {
        let alipay = try PrivateKey.generate(bits: 2048)
        let bodies = try (0..<notifications).map { try Self.body($0, key: alipay) }
        let source = Source(
            name: "bench", appID: "2021000000000001",
            verifier: NotificationVerifier(profile: .cplife, algorithms: [.rsa2], keys: [alipay.publicKey]),
            acknowledgement: try Acknowledgement(style: .success, key: nil, algorithm: .rsa2))
        return try await BenchResult.compare(
            "durable acknowledgements, \(clients) senders", limitName: "single-row INSERT, \(clients) clients",
            rounds: rounds, progress: progress,
            ours: {
                try await database.clear()
                return try await acknowledge(bodies, at: source)
            },
            limit: {
                try await database.clear()
                return try await insert(bodies)
            })
    }

    private static func body(_ number: Int, key: PrivateKey) throws -> [UInt8] {
        let digits = String(number)
        var parameters = [
            ("gmt_payment", "2026-11-20 22:07:12"), ("notify_time", "2026-11-20 22:07:12"), ("charset", "utf-8"),
            ("trade_no", "2026112021001000" + String(repeating: "0", count: 12 - digits.count) + digits),
            ("trade_status", "TRADE_SUCCESS"), ("total_amount", "20.50"), ("receipt_amount", "20.50"),
            ("seller_id", "2088000000000002"), ("buyer_user_id", "2088000000000001"), ("refund_fee", "0"),
            ("body", "R1000000000000000000008|C100000000001|3-2-1101"), ("det_list", "WY202611101558130001"),
            ("fund_bill_list", #"[{"amount":"20.50","fundChannel":"ALIPAYACCOUNT"}]"#), ("sign_type", "RSA2"),
        ]
        let text = parameters.sorted { $0.0 < $1.0 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        parameters.append(("sign", Base64.encode(try key.sign(Array(text.utf8), with: .rsa2))))
        return FormBody.encode(parameters.map { (Array($0.0.utf8), Array($0.1.utf8)) })
    }

    /// Everything but HTTP: verify, screen, join a group commit, wait for it.
    private func acknowledge(_ bodies: [[UInt8]], at source: Source) async throws -> Double {
        let pool = Pool(
            database.settings, lanes: [Intake.lane: 2, Intake.rejectedLane: 1], logger: database.logger)
        let intake = Intake(
            keyring: Keyring(Credentials(sources: [source])), pool: pool, metrics: Metrics(), logger: database.logger)
        let group = ServiceGroup(services: [pool, intake], logger: database.logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let rate = try await Self.rate(bodies, clients: clients) { body in
                let delivery = Delivery(
                    body: body, contentType: "application/x-www-form-urlencoded", remoteAddress: "127.0.0.1")
                guard case .acknowledged(_, .new) = await intake.receive(delivery, at: source) else {
                    throw CommandFailure("a notification of the benchmark was not acknowledged as new")
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return rate
        }
    }

    static let insert = Statement(
        "bench.insert_one",
        """
        INSERT INTO settled.deliveries (source, digest, result, body, canonical_form, algorithm, key_fingerprint)
        VALUES ('bench', $1, 'new', $2, 'V2', 'RSA2', 'k')
        """)

    private func insert(_ bodies: [[UInt8]]) async throws -> Double {
        let pool = Pool(database.settings, lanes: ["bench": clients], logger: database.logger)
        let rate = try await Self.rate(bodies, clients: clients) { body in
            _ = try await pool.query("bench", Self.insert, [.bytea(Digest.sha256(body)), .bytea(body)])
        }
        await pool.close()
        return rate
    }

    /// Bodies a second, with `clients` tasks that each send one after the other.
    private static func rate(
        _ bodies: [[UInt8]], clients: Int, _ send: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws -> Double {
        let turns = Turns()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<clients {
                tasks.addTask { @concurrent in
                    while let index = turns.next(below: bodies.count) { try await send(bodies[index]) }
                }
            }
            try await tasks.waitForAll()
        }
        return Double(bodies.count) / (start.duration(to: .now) / .seconds(1))
    }

    private final class Turns: Sendable {
        private let taken = Atomic(0)

        func next(below count: Int) -> Int? {
            let index = taken.add(1, ordering: .relaxed).oldValue
            return index < count ? index : nil
        }
    }
}
