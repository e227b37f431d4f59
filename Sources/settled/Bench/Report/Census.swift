import Postgres
import Settlement

/// What the database holds after a measurement, and whether that is what it must hold: a fast program that loses something is
/// not fast.
struct Census: Sendable, Equatable {
    var keys: Int64 = 0
    var deliveries: Int64 = 0
    var live: Int64 = 0
    var ended: Int64 = 0
    /// Jobs that are live and ended at once.
    var both: Int64 = 0
    /// Jobs that ended with a settlement.
    var settled: Int64 = 0
    var settlements: Int64 = 0
    /// Different trades among the settlements.
    var trades: Int64 = 0

    static func taken(of database: DatabaseUnderBench) async throws -> Census {
        try await database.withConnection { connection in
            guard let row = try await connection.query(Self.statement, deadline: .seconds(300)).first else {
                throw CommandFailure("the database gave no answer")
            }
            return Census(
                keys: try row.int8("keys"), deliveries: try row.int8("deliveries"), live: try row.int8("live"),
                ended: try row.int8("ended"), both: try row.int8("both"), settled: try row.int8("settled"),
                settlements: try row.int8("settlements"), trades: try row.int8("trades"))
        }
    }

    /// Every stored job is live or ended, never both, and at least `done` have ended.
    ///
    /// - Parameter unsure: jobs of batches that were under way when their senders were stopped: perhaps never stored.
    func checkQueue(stored: Int, done: Int, unsure: Int = 0) throws {
        let missing = Int64(stored) - live - ended
        guard missing >= 0, missing <= Int64(unsure), both == 0, ended >= Int64(done) else {
            throw violation("\(stored) jobs were stored and \(done) worked on")
        }
    }

    /// Every acknowledgement left its notification, each with one job and one key.
    func checkIntake(acknowledged: Int) throws {
        guard keys == Int64(acknowledged), keys == deliveries, keys == live + ended, both == 0 else {
            throw violation("\(acknowledged) different notifications were acknowledged")
        }
    }

    /// Every acknowledged notification is settled, once.
    func checkLine(acknowledged: Int) throws {
        try checkIntake(acknowledged: acknowledged)
        guard live == 0, settled == settlements, settlements == trades, trades == keys else {
            throw violation("\(acknowledged) notifications were acknowledged and all should be settled")
        }
    }

    private func violation(_ what: String) -> CommandFailure {
        CommandFailure("something was lost or doubled: \(what), the database holds \(self)")
    }

    private static let statement = Statement(
        "bench.census",
        """
        SELECT (SELECT count(*) FROM settled.notification_keys) AS keys,
               (SELECT count(*) FROM settled.deliveries) AS deliveries,
               (SELECT count(*) FROM settled.jobs) AS live,
               (SELECT count(*) FROM settled.job_history) AS ended,
               (SELECT count(*) FROM settled.jobs JOIN settled.job_history USING (id)) AS both,
               (SELECT count(*) FROM settled.job_history WHERE outcome = 'settled') AS settled,
               (SELECT count(*) FROM settled.settlements) AS settlements,
               (SELECT count(DISTINCT trade_no) FROM settled.settlements) AS trades
        """)
}

extension Census: CustomStringConvertible {
    var description: String {
        "\(deliveries) deliveries, \(keys) keys, \(live) live and \(ended) ended jobs (\(both) both), "
            + "\(settlements) settlements of \(trades) trades"
    }
}
