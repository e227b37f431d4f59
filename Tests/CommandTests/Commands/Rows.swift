import JobQueue
import Logging
import Postgres
import Settlement
import Telemetry
import TestSupport

/// What the commands' tests put into their database.
extension TestDatabase {
    func execute(_ sql: String) async throws {
        let connection = try await connect()
        try await connection.execute(sql)
        await connection.close()
    }

    /// The one value that `sql` asks for, as text.
    func value(_ sql: String) async throws -> String? {
        let connection = try await connect()
        let rows = try await connection.query(Statement("test", sql))
        await connection.close()
        return try rows.first?.textOrNil(0)
    }

    /// Jobs about trades T1, T2, … in the queue of pay results.
    @discardableResult
    func enqueue(_ count: Int, quarantined: Bool = false, message: String = "for a look") async throws -> [Int64] {
        let connection = try await connect()
        let jobs = (1...count).map { number in
            NewJob(
                queue: PayResultJob.queue, kind: PayResultJob.kind,
                args: PayResultJob(
                    source: "cplife", appID: "2021000000000001", tradeNo: "T\(number)", sellerID: "2088000000000002",
                    totalFen: 1021
                ).args, subject: "T\(number)")
        }
        let ids = try await JobQueue.enqueue(jobs, in: connection).map(\.jobID)
        if quarantined {
            _ = try await JobStore.quarantine(ids, by: Actor("tester", reason: message), on: connection)
        }
        await connection.close()
        return ids
    }

    /// Settlements of trades T1, T2, … of 10.21 yuan, each with a bill and a buyer, written by the jobs 1, 2, …
    func settle(_ count: Int) async throws {
        try await execute(
            """
            WITH proof AS (
                INSERT INTO settled.evidence
                    (job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
                SELECT n, 'm', 'signed', '\\x7b7d', 's', 'k', now() FROM generate_series(1, \(count)) n
                RETURNING id, job_id
            ), written AS (
                INSERT INTO settled.settlements
                    (kind, trade_no, app_id, seller_id, community_id, total_fen, trade_status, assurance, evidence_id,
                     job_id)
                SELECT 'payment', 'T' || job_id, '2021000000000001', '2088000000000002', 'C' || job_id % 2, 1021,
                       'TRADE_SUCCESS', 'signed', id, job_id
                FROM proof ORDER BY job_id
                RETURNING id, job_id
            ), billed AS (
                INSERT INTO settled.settlement_bills
                SELECT id, 1, 'WY' || job_id, '2026年11月', '物业费', 1021 FROM written
            )
            INSERT INTO settled.settlement_parties
            SELECT id, '2088123456789012', '159****5620', '7号楼-101室' FROM written
            """)
    }

    /// Numbers what is settled, as a running program would.
    func sequence() async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let pool = Pool(settings, lanes: [Sequencer.lane: 1], logger: logger)
        try await Sequencer(pool: pool, signal: Signal(), metrics: Metrics(), logger: logger, published: { _ in })
            .runOnce()
        await pool.close()
    }
}
