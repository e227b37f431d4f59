import Alipay
import Postgres

/// Closures: a signed answer says that a trade is closed.
extension Ledger {
    /// The full amount of the payment that stands, negative, with its lines negated, referring to it. Nothing when no
    /// payment stands or a reversal is there already.
    static let reverse = Statement(
        "ledger.reverse",
        """
        WITH original AS (
            SELECT * FROM settled.settlements WHERE kind = 'payment' AND trade_no = $1 AND refund_no = ''
        ), evidence_number AS MATERIALIZED (
            SELECT nextval('settled.evidence_id_seq') AS id FROM original
        ), inserted AS (
            INSERT INTO settled.settlements
                (kind, trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen, trade_status, paid_at,
                 assurance, without_lines, original_id, evidence_id, job_id)
            SELECT 'reversal', o.trade_no, o.app_id, o.seller_id, o.biz_type, o.room_id, o.community_id, -o.total_fen,
                   $2, o.paid_at, 'signed', o.without_lines, o.id, e.id, $3
            FROM original o, evidence_number e
            ON CONFLICT (kind, trade_no, refund_no) DO NOTHING
            RETURNING id, original_id, evidence_id
        ), proved AS (
            INSERT INTO settled.evidence (id, job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT evidence_id, $3, $4, 'signed', $5, $6, $7, $8 FROM inserted
        ), bills AS (
            INSERT INTO settled.settlement_bills
                (settlement_id, line_no, bill_entry_id, acct_period, cost_type, amount_fen)
            SELECT inserted.id, b.line_no, b.bill_entry_id, b.acct_period, b.cost_type, -b.amount_fen
            FROM inserted JOIN settled.settlement_bills b ON b.settlement_id = inserted.original_id
        ), funds AS (
            INSERT INTO settled.settlement_funds (settlement_id, line_no, fund_channel, amount_fen)
            SELECT inserted.id, f.line_no, f.fund_channel, -f.amount_fen
            FROM inserted JOIN settled.settlement_funds f ON f.settlement_id = inserted.original_id
        ), parties AS (
            INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, buyer_logon_id, household_id)
            SELECT inserted.id, p.buyer_user_id, p.buyer_logon_id, p.household_id
            FROM inserted JOIN settled.settlement_parties p ON p.settlement_id = inserted.original_id
        )
        SELECT inserted.id FROM inserted
        """)
    static let standingReversal = Statement(
        "ledger.standing_reversal",
        "SELECT id FROM settled.settlements WHERE kind = 'reversal' AND trade_no = $1 AND refund_no = ''")
    static let noteClosed = Statement(
        "ledger.note_closed",
        """
        INSERT INTO settled.closed_trades AS c (trade_no, answered_at, job_id) VALUES ($1, $2, $3)
        ON CONFLICT (trade_no) DO UPDATE SET answered_at = greatest(c.answered_at, EXCLUDED.answered_at)
        """)

    /// Reverses the payment that stands for a closed trade. Closures are rare, so each is written by itself.
    static func close(_ trade: ClosedTrade, jobID: Int64, in tx: isolated Connection) throws -> Closure {
        let answeredAt = Timestamp(unixMicroseconds: trade.evidence.receivedAt)
        let rows = try tx.query(
            reverse,
            [
                .text(trade.result.tradeNo), .text(trade.result.tradeStatus.description), .int8(jobID),
                .text(trade.evidence.method), .bytea(trade.evidence.rawBody), .text(trade.evidence.signature),
                .text(trade.evidence.keyFingerprint), .timestamptz(answeredAt),
            ])
        if let row = rows.first { return .reversed(id: try row.int8("id")) }
        if let row = try tx.query(standingReversal, [.text(trade.result.tradeNo)]).first {
            return .alreadyReversed(id: try row.int8("id"))
        }
        _ = try tx.query(noteClosed, [.text(trade.result.tradeNo), .timestamptz(answeredAt), .int8(jobID)])
        return .nothingDue
    }
}
