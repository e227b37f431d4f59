import Alipay
import JobQueue
import Postgres
import Wire

/// Writes settlements and reversals with their evidence, many at once, in the transaction that completes their jobs.
///
/// Each trade is settled at most once: UNIQUE (kind, trade_no, refund_no) decides between two writers, and the later one
/// compares its answer with what stands. A trade is locked (transaction-level advisory lock, in key order) before it is
/// looked at, so that a payment and a closure of the same trade see each other.
enum Ledger {
    enum Verdict: Sendable, Hashable {
        case settled(id: Int64)
        /// The same trade stands with equal money fields.
        case stands(id: Int64)
        /// The same trade stands, and `field` differs.
        case conflicts(id: Int64, field: String)
        /// A later answer called the trade closed: this one is out of date.
        case outdated
    }

    enum Closure: Sendable, Hashable {
        case reversed(id: Int64)
        case alreadyReversed(id: Int64)
        case nothingDue
    }

    static let lockTrades = Statement(
        "ledger.lock_trades",
        """
        SELECT pg_current_xact_id(), pg_advisory_xact_lock(key), \(Plans.alongIndexes)
        FROM (SELECT DISTINCT hashtextextended(trade_no, 20260701) AS key FROM unnest($1::text[]) AS t (trade_no)
              ORDER BY key) AS keys
        """)

    /// Locks `trades` until the transaction ends, and gives the transaction its id, which it must have before it draws the
    /// ids of settlements: the sequencer counts on that.
    static func lock(_ trades: [String], in tx: isolated Connection) throws {
        guard !trades.isEmpty else { return }
        _ = try tx.query(lockTrades, [.textArray(trades)])
    }

    // MARK: Payments

    /// A settlement with its evidence, its lines and its persons in one statement, so that there is all of it exactly for what
    /// was inserted. `$17` to `$19` are the persons, `$20` to `$25` the bills and `$26` to `$29` the funds, each line with
    /// the place of its payment among the payments, from 1.
    static let insertPayments = Statement(
        "ledger.insert_payments",
        """
        WITH input AS MATERIALIZED (
            SELECT t.*, nextval('settled.evidence_id_seq') AS evidence_id
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[],
                        $9::timestamptz[], $10::bool[], $11::int8[], $12::text[], $13::bytea[], $14::text[],
                        $15::text[], $16::timestamptz[], $17::text[], $18::text[], $19::text[])
                WITH ORDINALITY AS t (trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen,
                                      trade_status, paid_at, without_lines, job_id, method, answer, signature,
                                      key_fingerprint, verified_at, buyer_user_id, buyer_logon_id, household_id, n)
        ), inserted AS (
            INSERT INTO settled.settlements
                (kind, trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen, trade_status, paid_at,
                 assurance, without_lines, evidence_id, job_id)
            SELECT 'payment', trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen, trade_status,
                   paid_at, 'signed', without_lines, evidence_id, job_id
            FROM input i
            WHERE NOT EXISTS (SELECT FROM settled.closed_trades c
                              WHERE c.trade_no = i.trade_no AND c.answered_at >= i.verified_at)
            ORDER BY trade_no, n
            ON CONFLICT (kind, trade_no, refund_no) DO NOTHING
            RETURNING id, evidence_id
        ), settled AS MATERIALIZED (
            SELECT i.*, inserted.id FROM inserted JOIN input i USING (evidence_id)
        ), proved AS (
            INSERT INTO settled.evidence
                (id, job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT evidence_id, job_id, method, 'signed', answer, signature, key_fingerprint, verified_at FROM settled
        ), paid AS (
            INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, buyer_logon_id, household_id)
            SELECT id, buyer_user_id, buyer_logon_id, household_id FROM settled
        ), billed AS (
            INSERT INTO settled.settlement_bills
                (settlement_id, line_no, bill_entry_id, acct_period, cost_type, amount_fen)
            SELECT s.id, line_no, bill_entry_id, acct_period, cost_type, amount_fen
            FROM unnest($20::int8[], $21::int4[], $22::text[], $23::text[], $24::text[], $25::int8[])
                AS bill (n, line_no, bill_entry_id, acct_period, cost_type, amount_fen) JOIN settled s USING (n)
        ), funded AS (
            INSERT INTO settled.settlement_funds (settlement_id, line_no, fund_channel, amount_fen)
            SELECT s.id, line_no, fund_channel, amount_fen
            FROM unnest($26::int8[], $27::int4[], $28::text[], $29::int8[])
                AS fund (n, line_no, fund_channel, amount_fen) JOIN settled s USING (n)
        )
        SELECT n, id FROM settled
        """)

    /// Writes what is new of `drafts`, and tells for each, in their order, what became of it.
    static func settle(_ drafts: [(jobID: Int64, draft: SettlementDraft)], in tx: isolated Connection) throws
        -> [Verdict]
    {
        guard !drafts.isEmpty else { return [] }
        let results = drafts.map(\.draft.result)
        let rows = try tx.query(insertPayments, heads(drafts, results) + bills(of: results) + funds(of: results))
        var ids = [Int64?](repeating: nil, count: drafts.count)
        for row in rows { ids[Int(try row.int8(0)) - 1] = try row.int8(1) }
        return try verdicts(ids, drafts.map(\.draft), in: tx)
    }

    private static func heads(_ drafts: [(jobID: Int64, draft: SettlementDraft)], _ results: [PayResult]) -> [Parameter]
    {
        let evidence = drafts.map(\.draft.evidence)
        return [
            .textArray(results.map(\.tradeNo)), .textArray(drafts.map(\.draft.job.appID)),
            .textArray(drafts.map(\.draft.sellerID)), .textArray(results.map(\.bizType)),
            .textArray(results.map(\.bizEntity.roomID)), .textArray(results.map(\.bizEntity.communityID)),
            .int8Array(results.map(\.totalAmount.fen)), .textArray(results.map(\.tradeStatus.description)),
            .timestamptzArray(results.map { $0.paidAt.map { Timestamp(unixSeconds: $0) } }),
            .boolArray(results.map(\.bills.isEmpty)),
            .int8Array(drafts.map(\.jobID)), .textArray(evidence.map(\.method)),
            .byteaArray(evidence.map(\.rawBody)), .textArray(evidence.map(\.signature)),
            .textArray(evidence.map(\.keyFingerprint)),
            .timestamptzArray(evidence.map { Timestamp(unixMicroseconds: $0.receivedAt) }),
            .textArray(results.map(\.buyerUserID)), .textArray(results.map(\.buyerLogonID)),
            .textArray(results.map(\.bizEntity.householdID)),
        ]
    }

    private static func bills(of results: [PayResult]) -> [Parameter] {
        let lines = numbered(results.map(\.bills))
        return [
            .int8Array(lines.map(\.payment)), .int4Array(lines.map(\.line)), .textArray(lines.map(\.item.id)),
            .textArray(lines.map(\.item.period)), .textArray(lines.map(\.item.costType)),
            .int8Array(lines.map(\.item.amount.fen)),
        ]
    }

    private static func funds(of results: [PayResult]) -> [Parameter] {
        let lines = numbered(results.map(\.funds))
        return [
            .int8Array(lines.map(\.payment)), .int4Array(lines.map(\.line)), .textArray(lines.map(\.item.channel)),
            .int8Array(lines.map(\.item.amount.fen)),
        ]
    }

    /// Each item of each payment with the payment's place and its own, both from 1.
    private static func numbered<Item>(_ lists: [[Item]]) -> [(payment: Int64, line: Int32, item: Item)] {
        lists.enumerated().flatMap { payment, items in
            items.enumerated().map { (Int64(payment + 1), Int32($0 + 1), $1) }
        }
    }

    private static func verdicts(_ ids: [Int64?], _ drafts: [SettlementDraft], in tx: isolated Connection) throws
        -> [Verdict]
    {
        let others = zip(ids, drafts).filter { $0.0 == nil }.map(\.1.result.tradeNo)
        let standing = try others.isEmpty ? [:] : Standing.payments(of: others, in: tx)
        return zip(ids, drafts).map { id, draft in
            if let id { return .settled(id: id) }
            guard let stands = standing[draft.result.tradeNo] else { return .outdated }
            if let field = stands.money.difference(to: draft.money) { return .conflicts(id: stands.id, field: field) }
            return .stands(id: stands.id)
        }
    }
}
