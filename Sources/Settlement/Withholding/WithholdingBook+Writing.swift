import Alipay
import Postgres
import Taobao

extension WithholdingBook {
    /// Writes everything that was noted: settlements with their evidence, instalments with their history, orders, polls,
    /// and the answers that settled nothing.
    func write(appKey: String, in tx: isolated Connection) throws {
        guard !notes.isEmpty else { return }
        let settlements = try settle(appKey: appKey, in: tx)
        try writeInstalments(settlements, in: tx)
        try writeOrders(in: tx)
        try writePolls(in: tx)
        // What settled something is kept as evidence; what says nothing new is not kept again.
        try GatewayLogEntry.write(
            notes.filter { !$0.isRepeat && $0.verdict?.settles.isEmpty ?? true }.map(\.logEntry), in: tx)
    }

    // MARK: Settlements

    static let settle = Statement(
        "withholdings.settle",
        """
        WITH input AS MATERIALIZED (
            SELECT t.*, nextval('settled.evidence_id_seq') AS evidence_id
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::timestamptz[],
                        $8::int8[], $9::text[], $10::bytea[], $11::timestamptz[])
                WITH ORDINALITY AS t (app_id, pay_biz_code, biz_order_id, plan_id, alipay_trade_no, total_fen, paid_at,
                                      job_id, method, answer, received_at, n)
            ORDER BY pay_biz_code, biz_order_id, plan_id
        ), inserted AS (
            INSERT INTO settled.settlements
                (kind, app_id, pay_biz_code, biz_order_id, plan_id, alipay_trade_no, total_fen, trade_status, paid_at,
                 assurance, without_lines, evidence_id, job_id)
            SELECT 'withholding', app_id, pay_biz_code, biz_order_id, plan_id, alipay_trade_no, total_fen, 'SUCCESSED',
                   paid_at, 'tls', true, evidence_id, job_id
            FROM input
            ORDER BY pay_biz_code, biz_order_id, plan_id
            ON CONFLICT (kind, pay_biz_code, biz_order_id, plan_id) WHERE kind = 'withholding' DO NOTHING
            RETURNING id, evidence_id
        ), proved AS (
            INSERT INTO settled.evidence (id, job_id, method, assurance, answer, verified_at)
            SELECT i.evidence_id, i.job_id, i.method, 'tls', i.answer, i.received_at
            FROM input i JOIN inserted USING (evidence_id)
        )
        SELECT i.n, inserted.id FROM inserted JOIN input i USING (evidence_id)
        """)

    /// The ids of the settlements that were written, by order and plan.
    private func settle(appKey: String, in tx: isolated Connection) throws -> [WithholdingOrder: [String: Int64]] {
        let rows = notes.flatMap { note -> [Settling] in
            guard let verdict = note.verdict, case .bill(_, let evidence) = note.answer else { return [] }
            return verdict.settles.map { Settling(note: note, instalment: $0, evidence: evidence) }
        }
        guard !rows.isEmpty else { return [:] }
        var written: [WithholdingOrder: [String: Int64]] = [:]
        let inserted = try tx.query(
            Self.settle,
            [
                .textArray(rows.map { _ in appKey }), .textArray(rows.map(\.note.order.payBizCode)),
                .textArray(rows.map(\.note.order.bizOrderID)), .textArray(rows.map(\.instalment.detail.planID)),
                .textArray(rows.map(\.instalment.detail.alipayTradeNo)), .int8Array(rows.map(\.instalment.fen)),
                .timestamptzArray(rows.map { $0.instalment.detail.paidAt.map { Timestamp(unixSeconds: $0) } }),
                .int8Array(rows.map(\.note.jobID)), .textArray(rows.map { _ in AgreementPayQuery.method }),
                .byteaArray(rows.map(\.evidence.rawBody)),
                .timestamptzArray(rows.map { Timestamp(unixMicroseconds: $0.evidence.receivedAt) }),
            ])
        for row in inserted {
            let settled = rows[Int(try row.int8("n")) - 1]
            written[settled.note.order, default: [:]][settled.instalment.detail.planID] = try row.int8("id")
        }
        // The orders are locked, so nobody of ours can have come between; whoever did is seen when the batch is repeated.
        guard inserted.count == rows.count else {
            throw PostgresError(
                .server, "an instalment was settled by somebody else while its order was locked",
                statement: Self.settle.name, isTransient: true)
        }
        return written
    }

    private struct Settling {
        let note: Note
        let instalment: WithholdingVerdict.Instalment
        let evidence: TOPEvidence
    }

    // MARK: Instalments

    static let keepInstalments = Statement(
        "withholdings.keep_instalments",
        """
        WITH changed AS (
            INSERT INTO settled.withholding_details AS d
                (pay_biz_code, biz_order_id, plan_id, pay_status, pay_status_desc, amount_raw, amount_fen,
                 alipay_trade_no, pay_time, create_time, err_code, err_msg, settlement_id)
            SELECT pay_biz_code, biz_order_id, plan_id, pay_status, pay_status_desc, amount_raw, amount_fen,
                   alipay_trade_no, pay_time, create_time, err_code, err_msg, settlement_id
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[], $8::text[],
                        $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::int8[])
                AS seen (pay_biz_code, biz_order_id, plan_id, pay_status, pay_status_desc, amount_raw, amount_fen,
                         alipay_trade_no, pay_time, create_time, err_code, err_msg, settlement_id)
            ORDER BY pay_biz_code, biz_order_id, plan_id
            ON CONFLICT (pay_biz_code, biz_order_id, plan_id) DO UPDATE
            SET pay_status = EXCLUDED.pay_status, pay_status_desc = EXCLUDED.pay_status_desc,
                amount_raw = EXCLUDED.amount_raw, amount_fen = EXCLUDED.amount_fen,
                alipay_trade_no = EXCLUDED.alipay_trade_no, pay_time = EXCLUDED.pay_time,
                create_time = EXCLUDED.create_time, err_code = EXCLUDED.err_code, err_msg = EXCLUDED.err_msg,
                settlement_id = coalesce(d.settlement_id, EXCLUDED.settlement_id), changed_at = now()
            WHERE (d.pay_status, d.pay_status_desc, d.amount_raw, d.amount_fen, d.alipay_trade_no, d.pay_time,
                   d.create_time, d.err_code, d.err_msg)
                  IS DISTINCT FROM
                  (EXCLUDED.pay_status, EXCLUDED.pay_status_desc, EXCLUDED.amount_raw, EXCLUDED.amount_fen,
                   EXCLUDED.alipay_trade_no, EXCLUDED.pay_time, EXCLUDED.create_time, EXCLUDED.err_code,
                   EXCLUDED.err_msg)
               OR d.settlement_id IS NULL AND EXCLUDED.settlement_id IS NOT NULL
            RETURNING *
        )
        INSERT INTO settled.withholding_detail_history
            (job_id, pay_biz_code, biz_order_id, plan_id, pay_status, pay_status_desc, amount_raw, amount_fen,
             alipay_trade_no, pay_time, err_code, err_msg, settlement_id)
        SELECT asked.job_id, c.pay_biz_code, c.biz_order_id, c.plan_id, c.pay_status, c.pay_status_desc, c.amount_raw,
               c.amount_fen, c.alipay_trade_no, c.pay_time, c.err_code, c.err_msg, c.settlement_id
        FROM changed c
        JOIN (SELECT DISTINCT code, id, job_id FROM unnest($1::text[], $2::text[], $14::int8[]) AS t (code, id, job_id))
            AS asked ON asked.code = c.pay_biz_code AND asked.id = c.biz_order_id
        ORDER BY c.pay_biz_code, c.biz_order_id, c.plan_id
        """)

    private func writeInstalments(
        _ settlements: [WithholdingOrder: [String: Int64]], in tx: isolated Connection
    ) throws {
        let seen = notes.flatMap { note in (note.verdict?.instalments ?? []).map { (note: note, instalment: $0) } }
        guard !seen.isEmpty else { return }
        let details = seen.map(\.instalment.detail)
        _ = try tx.query(
            Self.keepInstalments,
            [
                .textArray(seen.map(\.note.order.payBizCode)), .textArray(seen.map(\.note.order.bizOrderID)),
                .textArray(details.map(\.planID)), .textArray(details.map(\.status)),
                .textArray(details.map(\.statusText)), .textArray(details.map(\.amount)),
                .int8Array(seen.map(\.instalment.fen)), .textArray(details.map(\.alipayTradeNo)),
                .timestamptzArray(details.map { $0.paidAt.map { Timestamp(unixSeconds: $0) } }),
                .timestamptzArray(details.map { $0.createdAt.map { Timestamp(unixSeconds: $0) } }),
                .textArray(details.map(\.errorCode)), .textArray(details.map(\.errorMessage)),
                .int8Array(seen.map { settlements[$0.note.order]?[$0.instalment.detail.planID] }),
                .int8Array(seen.map(\.note.jobID)),
            ])
    }

    // MARK: Orders and polls

    /// A failure leaves what was known of the order; refusals are counted from the first of them.
    static let writeOrders = Statement(
        "withholdings.write_orders",
        """
        UPDATE settled.withholdings w
        SET pay_status = CASE WHEN n.is_bill THEN n.pay_status ELSE w.pay_status END,
            pay_status_desc = CASE WHEN n.is_bill THEN n.pay_status_desc ELSE w.pay_status_desc END,
            total_raw = CASE WHEN n.is_bill THEN n.total_raw ELSE w.total_raw END,
            total_fen = CASE WHEN n.is_bill THEN n.total_fen ELSE w.total_fen END,
            bill_digest = coalesce(n.bill_digest, w.bill_digest),
            polls = w.polls + 1, last_polled_at = now(),
            refused_since = CASE WHEN n.is_bill THEN NULL WHEN n.is_refusal THEN coalesce(w.refused_since, now())
                            ELSE w.refused_since END,
            ended_at = CASE WHEN n.is_end THEN coalesce(w.ended_at, now()) WHEN n.is_bill THEN NULL ELSE w.ended_at END
        FROM unnest($1::text[], $2::text[], $3::bool[], $4::bool[], $5::bool[], $6::text[], $7::text[], $8::text[],
                    $9::int8[], $10::bytea[])
            AS n (code, id, is_bill, is_refusal, is_end, pay_status, pay_status_desc, total_raw, total_fen, bill_digest)
        WHERE w.pay_biz_code = n.code AND w.biz_order_id = n.id
        """)

    private func writeOrders(in tx: isolated Connection) throws {
        let bills = notes.map(\.answer.bill)
        _ = try tx.query(
            Self.writeOrders,
            [
                .textArray(notes.map(\.order.payBizCode)), .textArray(notes.map(\.order.bizOrderID)),
                .boolArray(bills.map { $0 != nil }), .boolArray(notes.map(\.answer.isRefusal)),
                .boolArray(notes.map { $0.verdict?.isEnd ?? false }), .textArray(bills.map { $0?.status.description }),
                .textArray(bills.map { $0?.statusText }), .textArray(bills.map { $0?.totalAmount }),
                .int8Array(notes.map { $0.verdict?.totalFen }), .byteaArray(notes.map(\.billDigest)),
            ])
    }

    static let writePolls = Statement(
        "withholdings.write_polls",
        """
        INSERT INTO settled.withholding_polls (pay_biz_code, biz_order_id, job_id, verdict, request_id)
        SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[])
        """)

    private func writePolls(in tx: isolated Connection) throws {
        _ = try tx.query(
            Self.writePolls,
            [
                .textArray(notes.map(\.order.payBizCode)), .textArray(notes.map(\.order.bizOrderID)),
                .int8Array(notes.map(\.jobID)), .textArray(notes.map(\.answer.verdict)),
                .textArray(notes.map(\.answer.requestID)),
            ])
    }
}

extension WithholdingBook.Note {
    fileprivate var logEntry: GatewayLogEntry {
        switch answer {
        case .bill(_, let evidence):
            GatewayLogEntry(
                jobID: jobID, method: AgreementPayQuery.method, verdict: answer.verdict, code: nil, subCode: nil,
                signed: false, answer: evidence.rawBody)
        case .failure(let failure):
            GatewayLogEntry(
                jobID: jobID, method: AgreementPayQuery.method, verdict: failure.cause, code: failure.code,
                subCode: failure.subCode, signed: false, answer: failure.rawBody)
        }
    }
}

extension AgreementPayAnswer {
    fileprivate var bill: AgreementPayBill? {
        if case .bill(let bill, _) = self { bill } else { nil }
    }

    fileprivate var isRefusal: Bool {
        if case .failure(let failure) = self { failure.kind == .business } else { false }
    }

    fileprivate var requestID: String? {
        switch self {
        case .bill(_, let evidence): evidence.requestID
        case .failure(let failure): failure.requestID
        }
    }
}
