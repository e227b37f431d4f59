import Logging
import Postgres
import Settlement

/// A short visit to the database: a pool of one connection, opened for one command and closed with it.
///
/// Only the settings of the database are used, so these commands run without any key at hand.
enum DatabaseVisit {
    static let lane = FeedReader.lane

    static func run<Value: Sendable>(
        _ configuration: ConfigurationOption, _ work: (Pool) async throws -> Value
    ) async throws -> Value {
        try await run(configuration.load().settings.database, work)
    }

    static func run<Value: Sendable>(
        _ settings: DatabaseSettings, _ work: (Pool) async throws -> Value
    ) async throws -> Value {
        let pool = Pool(
            settings.pooled, lanes: [lane: 1], logger: Logger(label: "settled") { _ in SwiftLogNoOpLogHandler() })
        do {
            let value = try await work(pool)
            await pool.close()
            return value
        } catch {
            await pool.close()
            throw error
        }
    }
}
