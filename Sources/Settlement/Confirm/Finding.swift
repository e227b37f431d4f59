import Postgres

/// What a person should look at although no job failed.
enum Finding {
    static let insertRefunds = Statement(
        "finding.refund_unconfirmed",
        """
        INSERT INTO settled.findings (kind, subject, job_id, detail)
        SELECT 'refund_unconfirmed', subject, job_id, jsonb_build_object('refund_fen', refund_fen)
        FROM unnest($1::int8[], $2::text[], $3::int8[]) AS t (job_id, subject, refund_fen)
        ON CONFLICT (kind, job_id) DO NOTHING
        """)

    /// A notification mentions a partial refund, which the gateway's answer cannot prove: shown, never a ledger row.
    static func noteRefunds(_ refunds: [(jobID: Int64, subject: String, refundFen: Int64)], in tx: isolated Connection)
        throws
    {
        guard !refunds.isEmpty else { return }
        _ = try tx.query(
            insertRefunds,
            [
                .int8Array(refunds.map(\.jobID)), .textArray(refunds.map(\.subject)),
                .int8Array(refunds.map(\.refundFen)),
            ])
    }
}
