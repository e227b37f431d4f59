import Logging
import Postgres

/// Answers one question: can a notification be stored durably now?
public struct Readiness: Sendable {
    public enum Answer: Sendable, Hashable {
        case ready
        case unready(String)
    }

    public static let lane: Lane = "health"

    private let pool: Pool
    private let schemaVersion: Int
    private let isStopping: @Sendable () -> Bool

    /// - Parameters:
    ///   - schemaVersion: the migration that this program needs.
    ///   - isStopping: true as soon as shutdown was asked for, so that a balancer turns away before the door closes.
    public init(pool: Pool, schemaVersion: Int, isStopping: @escaping @Sendable () -> Bool = { false }) {
        self.pool = pool
        self.schemaVersion = schemaVersion
        self.isStopping = isStopping
    }

    static let probe = Statement(
        "health.probe",
        """
        SELECT pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') = 'on' AS read_only,
               coalesce((SELECT max(number) FROM settled.schema_migrations), 0)::int8 AS schema_version
        """)

    public func check() async -> Answer {
        if isStopping() { return .unready("shutting down") }
        do {
            let rows = try await pool.query(
                Self.lane, Self.probe, wait: .seconds(1), deadline: .seconds(1))
            guard let row = rows.first else { return .unready("the database gave no answer") }
            if try row.bool("in_recovery") { return .unready("the database is a standby") }
            if try row.bool("read_only") { return .unready("the database is read-only") }
            let version = try row.int8("schema_version")
            if version < Int64(schemaVersion) {
                return .unready(
                    "the schema is at version \(version), \(schemaVersion) is needed: run settled migrate up")
            }
            return .ready
        } catch let error as PostgresError where ["42P01", "3F000"].contains(error.sqlState) {
            return .unready("the database has no schema of settled: run settled migrate up")
        } catch {
            return .unready("the database cannot be reached")
        }
    }
}
