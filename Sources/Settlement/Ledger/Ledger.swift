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

    /// Evidence and settlement in one statement, so that there is evidence exactly for what was inserted.
    static let insertPayments = Statement(
        "ledger.insert_payments",
        """
        WITH input AS MATERIALIZED (
            SELECT t.*, nextval('settled.evidence_id_seq') AS evidence_id
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[],
                        $9::timestamptz[], $10::bool[], $11::int8[], $12::text[], $13::bytea[], $14::text[],
                        $15::text[], $16::timestamptz[])
                WITH ORDINALITY AS t (trade_no, app_id, seller_id, biz_type, room_id, community_id, total_fen,
                                      trade_status, paid_at, without_lines, job_id, method, answer, signature,
                                      key_fingerprint, verified_at, n)
            ORDER BY trade_no, n
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
        ), proved AS (
            INSERT INTO settled.evidence
                (id, job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT i.evidence_id, i.job_id, i.method, 'signed', i.answer, i.signature, i.key_fingerprint, i.verified_at
            FROM input i JOIN inserted USING (evidence_id)
        )
        SELECT i.n, inserted.id FROM inserted JOIN input i USING (evidence_id)
        """)

    /// Writes what is new of `drafts`, and tells for each, in their order, what became of it.
    static func settle(_ drafts: [(jobID: Int64, draft: SettlementDraft)], in tx: isolated Connection) throws
        -> [Verdict]
    {
        guard !drafts.isEmpty else { return [] }
        let results = drafts.map(\.draft.result)
        let evidence = drafts.map(\.draft.evidence)
        let rows = try tx.query(
            insertPayments,
            [
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
            ])
        var ids = [Int64?](repeating: nil, count: drafts.count)
        for row in rows { ids[Int(try row.int8("n")) - 1] = try row.int8("id") }
        try insertLines(zip(ids, drafts).compactMap { id, draft in id.map { ($0, draft.draft) } }, in: tx)
        return try verdicts(ids, drafts.map(\.draft), in: tx)
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

    static let insertBills = Statement(
        "ledger.insert_bills",
        """
        INSERT INTO settled.settlement_bills (settlement_id, line_no, bill_entry_id, acct_period, cost_type, amount_fen)
        SELECT * FROM unnest($1::int8[], $2::int4[], $3::text[], $4::text[], $5::text[], $6::int8[])
        """)
    static let insertFunds = Statement(
        "ledger.insert_funds",
        """
        INSERT INTO settled.settlement_funds (settlement_id, line_no, fund_channel, amount_fen)
        SELECT * FROM unnest($1::int8[], $2::int4[], $3::text[], $4::int8[])
        """)
    static let insertParties = Statement(
        "ledger.insert_parties",
        """
        INSERT INTO settled.settlement_parties (settlement_id, buyer_user_id, buyer_logon_id, household_id)
        SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[])
        """)

    private static func insertLines(_ settled: [(id: Int64, draft: SettlementDraft)], in tx: isolated Connection) throws
    {
        guard !settled.isEmpty else { return }
        let bills = settled.flatMap { id, draft in draft.result.bills.enumerated().map { (id, Int32($0 + 1), $1) } }
        let funds = settled.flatMap { id, draft in draft.result.funds.enumerated().map { (id, Int32($0 + 1), $1) } }
        var calls: [(Statement, [Parameter])] = [
            (
                insertParties,
                [
                    .int8Array(settled.map(\.id)), .textArray(settled.map(\.draft.result.buyerUserID)),
                    .textArray(settled.map(\.draft.result.buyerLogonID)),
                    .textArray(settled.map(\.draft.result.bizEntity.householdID)),
                ]
            )
        ]
        if !bills.isEmpty {
            calls.append(
                (
                    insertBills,
                    [
                        .int8Array(bills.map(\.0)), .int4Array(bills.map(\.1)), .textArray(bills.map(\.2.id)),
                        .textArray(bills.map(\.2.period)), .textArray(bills.map(\.2.costType)),
                        .int8Array(bills.map(\.2.amount.fen)),
                    ]
                ))
        }
        if !funds.isEmpty {
            calls.append(
                (
                    insertFunds,
                    [
                        .int8Array(funds.map(\.0)), .int4Array(funds.map(\.1)), .textArray(funds.map(\.2.channel)),
                        .int8Array(funds.map(\.2.amount.fen)),
                    ]
                ))
        }
        _ = try tx.pipeline(calls)
    }
}
