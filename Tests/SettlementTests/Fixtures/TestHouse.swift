import Alipay
import Logging
import Postgres
import Settlement
import TestSupport

/// The configuration that the tests share: one app, one merchant, one source.
enum TestHouse {
    static let appID = "2021000000000001"
    static let sellerID = "2088000000000002"
    static let merchant = Merchant(sellerID: sellerID, appID: appID, communities: ["C1"], token: "token of 0002")
    static let merchants = Merchants([merchant])
    static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    static func source(
        _ name: String = "cplife", profile: NotificationProfile = .cplife, merchant: String? = nil,
        billsMismatch: Source.BillsMismatch = .quarantine
    ) throws -> Source {
        Source(
            name: name, appID: appID,
            verifier: NotificationVerifier(profile: profile, keys: [try TestKeys.alipay.get().publicKey]),
            acknowledgement: try Acknowledgement(style: .success), merchant: merchant, billsMismatch: billsMismatch)
    }

    /// A pool over the database of the test that runs now, closed afterwards.
    static func withPool<T: Sendable>(
        _ lanes: [Lane: Int] = [:], _ body: (Pool) async throws -> T
    ) async throws -> T {
        let usual: [Lane: Int] = [
            Intake.lane: 2, Intake.rejectedLane: 1, FeedReader.lane: 2, Sequencer.lane: 2, Readiness.lane: 1, "work": 1,
        ]
        let pool = Pool(try TestDatabase.current.settings, lanes: usual.merging(lanes) { $1 }, logger: logger)
        do {
            let value = try await body(pool)
            await pool.close()
            return value
        } catch {
            await pool.close()
            throw error
        }
    }
}

extension TestDatabase {
    /// The one number that `sql` asks for, through a connection of its own.
    func number(_ sql: String) async throws -> Int64 {
        try await row("SELECT (\(sql))::int8").int8(0)
    }

    func text(_ sql: String) async throws -> String? {
        try await row(sql).textOrNil(0)
    }

    private func row(_ sql: String) async throws -> Row {
        let connection = try await connect()
        let rows = try await connection.query(Statement("test", sql))
        await connection.close()
        guard let row = rows.first else { throw NoRow() }
        return row
    }

    /// Changes the database as its superuser.
    func execute(_ sql: String) async throws {
        let connection = try await connect()
        try await connection.execute(sql)
        await connection.close()
    }

    struct NoRow: Error {}
}
