import Postgres
import Taobao
import Wire

/// The orders of one batch: read and locked together, noted one by one, written together in the same transaction.
struct WithholdingBook {
    /// What is known of an order.
    struct Entry: Sendable {
        var standing: [String: WithholdingVerdict.Standing] = [:]
        /// For how long nothing but refusals has come.
        var refusedFor: Duration
        /// Of the last bill.
        var billDigest: [UInt8]?
        /// Something was noted of it in this batch already.
        var isNoted = false
    }

    /// What one answer changes.
    struct Note: Sendable {
        let order: WithholdingOrder
        let jobID: Int64
        let answer: AgreementPayAnswer
        /// Of the bill; nil for a failure.
        let billDigest: [UInt8]?
        /// The same was said the last time.
        let isRepeat: Bool
        /// nil for a failure.
        let verdict: WithholdingVerdict?
    }

    private var entries: [WithholdingOrder: Entry]
    private(set) var notes: [Note] = []

    subscript(_ order: WithholdingOrder) -> Entry? { entries[order] }

    // MARK: Reading

    /// `pg_current_xact_id()` gives the transaction its id before it draws the ids of settlements: the sequencer counts on that.
    static let lock = Statement(
        "withholdings.lock",
        """
        SELECT w.pay_biz_code, w.biz_order_id, w.refused_since, w.bill_digest, now() AS now, pg_current_xact_id()::text AS xact
        FROM settled.withholdings w
        JOIN (SELECT DISTINCT code, id FROM unnest($1::text[], $2::text[]) AS t (code, id)) AS asked
            ON w.pay_biz_code = asked.code AND w.biz_order_id = asked.id
        ORDER BY w.pay_biz_code, w.biz_order_id
        FOR UPDATE OF w
        """)
    static let standing = Statement(
        "withholdings.standing",
        """
        SELECT s.id, s.pay_biz_code, s.biz_order_id, s.plan_id, s.total_fen, s.alipay_trade_no, s.job_id
        FROM settled.settlements s
        JOIN (SELECT DISTINCT code, id FROM unnest($1::text[], $2::text[]) AS t (code, id)) AS asked
            ON s.pay_biz_code = asked.code AND s.biz_order_id = asked.id
        WHERE s.kind = 'withholding'
        """)

    /// Reads the orders that exist, and holds them until the transaction ends, in the order of their keys.
    init(of orders: [WithholdingOrder], in tx: isolated Connection) throws {
        entries = [:]
        guard !orders.isEmpty else { return }
        let keys: [Parameter] = [.textArray(orders.map(\.payBizCode)), .textArray(orders.map(\.bizOrderID))]
        for row in try tx.query(Self.lock, keys) {
            let since = try row.timestamptzOrNil("refused_since")
            let now = try row.timestamptz("now")
            entries[try Self.order(row)] = Entry(
                refusedFor: since.map { now - $0 } ?? .zero, billDigest: try row.byteaOrNil("bill_digest"))
        }
        for row in try tx.query(Self.standing, keys) {
            entries[try Self.order(row)]?.standing[try row.text("plan_id")] = WithholdingVerdict.Standing(
                settlementID: try row.int8("id"), fen: try row.int8("total_fen"),
                alipayTradeNo: try row.textOrNil("alipay_trade_no"), jobID: try row.int8("job_id"))
        }
    }

    private static func order(_ row: Row) throws -> WithholdingOrder {
        try WithholdingOrder(bizOrderID: row.text("biz_order_id"), payBizCode: row.text("pay_biz_code"))
    }

    // MARK: Noting

    mutating func note(
        _ bill: AgreementPayBill, _ verdict: WithholdingVerdict, _ evidence: TOPEvidence, of order: WithholdingOrder,
        jobID: Int64
    ) {
        let digest = bill.digest
        note(
            Note(
                order: order, jobID: jobID, answer: .bill(bill, evidence), billDigest: digest,
                isRepeat: entries[order]?.billDigest == digest, verdict: verdict))
    }

    mutating func note(_ failure: TOPFailure, of order: WithholdingOrder, jobID: Int64) {
        note(
            Note(
                order: order, jobID: jobID, answer: .failure(failure), billDigest: nil, isRepeat: false, verdict: nil))
    }

    private mutating func note(_ note: Note) {
        entries[note.order]?.isNoted = true
        notes.append(note)
    }
}

extension AgreementPayBill {
    /// SHA-256 over every field, in an order that does not depend on the answer's.
    fileprivate var digest: [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.member("biz_order_id", orNull: bizOrderID)
            json.member("pay_biz_code", orNull: payBizCode)
            json.member("pay_status", status.description)
            json.member("pay_status_desc", orNull: statusText)
            json.member("total_amount", orNull: totalAmount)
            json.array("pay_details") { json in
                for detail in details.sorted(by: { $0.planID < $1.planID }) {
                    json.object { json in
                        json.member("plan_id", detail.planID)
                        json.member("pay_status", detail.status)
                        json.member("pay_status_desc", orNull: detail.statusText)
                        json.member("amount", orNull: detail.amount)
                        json.member("alipay_trade_no", orNull: detail.alipayTradeNo)
                        json.member("pay_time", orNull: detail.paidAt)
                        json.member("create_time", orNull: detail.createdAt)
                        json.member("err_code", orNull: detail.errorCode)
                        json.member("err_msg", orNull: detail.errorMessage)
                    }
                }
            }
        }
        return Digest.sha256(json.bytes)
    }
}
