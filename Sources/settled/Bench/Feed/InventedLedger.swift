import Postgres

/// Settlements as the ledger writes them, that nobody paid: the program numbers and chains them itself.
struct InventedLedger: Sendable {
    let database: DatabaseUnderBench

    func write(_ count: Int) async throws {
        try await database.withConnection { connection in
            for start in stride(from: 0, to: count, by: 50_000) {
                try Task.checkCancellation()
                _ = try await connection.query(
                    Self.settlements, [.int8(Int64(start + 1)), .int8(Int64(min(count, start + 50_000)))],
                    deadline: .seconds(600))
            }
            try await connection.execute("ANALYZE", deadline: .seconds(600))
        }
    }

    /// Trade numbers of a year in which none of the played payments is.
    private static let settlements = Statement(
        "bench.invent_settlements",
        """
        WITH proof AS (
            INSERT INTO settled.evidence (job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT n, 'alipay.eco.cplife.pay.result.query', 'signed', convert_to(repeat('x', 600), 'UTF8'), 's', 'k', now()
            FROM generate_series($1, $2) AS n RETURNING id, job_id
        ), paid AS (
            INSERT INTO settled.settlements (kind, trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen,
                                             trade_status, paid_at, assurance, evidence_id, job_id)
            SELECT 'payment', '20001120220014' || lpad(job_id::text, 14, '0'), '2021000000000001',
                   '2088000000000002', '00', 'R' || job_id, 'C' || job_id % 1000, 1 + job_id % 99999, 'TRADE_SUCCESS',
                   now(), 'signed', id, job_id
            FROM proof ORDER BY id RETURNING id, total_fen, job_id
        ), bills AS (
            INSERT INTO settled.settlement_bills (settlement_id, line_no, bill_entry_id, acct_period, cost_type, amount_fen)
            SELECT id, 1, 'WY' || job_id, '2026-11', 'WY', total_fen FROM paid
        ), funds AS (
            INSERT INTO settled.settlement_funds (settlement_id, line_no, fund_channel, amount_fen)
            SELECT id, 1, 'ALIPAYACCOUNT', total_fen FROM paid
        )
        INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, buyer_logon_id, household_id)
        SELECT id, '2088' || lpad(job_id::text, 12, '0'), '138****8000', '3-2-' || job_id FROM paid
        """)
}
