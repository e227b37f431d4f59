import Postgres
import Wire

/// The agreements of one batch of checks as they are known now, and what the checks found, written at once.
struct AgreementBook: Sendable {
    private var records: [Int64: AgreementRecord] = [:]
    private var checks: [(run: Int64, agreement: Int64, check: AgreementVerdict.Check)] = []

    static let read = Statement(
        "agreements.read",
        """
        SELECT id, user_id, agreement_id, biz_type, sub_biz_type, charge_inst, bill_key, out_agreement_id, sign_date
        FROM settled.agreements WHERE id = ANY ($1::int8[])
        """)

    init(of agreements: [Int64], in tx: isolated Connection) throws {
        for row in try tx.query(Self.read, [.int8Array(agreements)]) {
            records[try row.int8("id")] = try AgreementRecord(row)
        }
    }

    subscript(agreement: Int64) -> AgreementRecord? { records[agreement] }

    mutating func note(_ check: AgreementVerdict.Check, of job: AgreementCheckJob) {
        checks.append((job.run, job.agreement, check))
    }

    /// A later check of the same run takes the place of one that was undecided. The agreements are touched in the order of
    /// their ids, so that two batches wait for each other instead of deadlocking.
    static let write = Statement(
        "agreements.write_checks",
        """
        WITH input AS (
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::jsonb[])
                AS t (run_id, agreement, outcome, cause, differences)
        ), written AS (
            INSERT INTO settled.agreement_checks AS k (run_id, agreement, outcome, cause, differences)
            SELECT * FROM input ORDER BY agreement
            ON CONFLICT (run_id, agreement) DO UPDATE
                SET outcome = EXCLUDED.outcome, cause = EXCLUDED.cause, differences = EXCLUDED.differences,
                    checked_at = now()
                WHERE k.outcome = 'undecided'
        ), locked AS (
            SELECT a.id, input.run_id FROM settled.agreements a JOIN input ON a.id = input.agreement
            WHERE a.last_run_id IS DISTINCT FROM input.run_id ORDER BY a.id FOR NO KEY UPDATE OF a
        )
        UPDATE settled.agreements a SET last_run_id = greatest(a.last_run_id, locked.run_id)
        FROM locked WHERE a.id = locked.id
        """)

    func write(in tx: isolated Connection) throws {
        guard !checks.isEmpty else { return }
        _ = try tx.query(
            Self.write,
            [
                .int8Array(checks.map(\.run)), .int8Array(checks.map(\.agreement)),
                .textArray(checks.map(\.check.outcome.rawValue)), .textArray(checks.map(\.check.cause)),
                .jsonbArray(checks.map { Self.json($0.check.differences) }),
            ])
    }

    private static func json(_ differences: [AgreementDifference]) -> String {
        var json = JSONWriter(capacity: 64)
        json.array { json in
            for difference in differences {
                json.object { json in
                    json.member("field", difference.field)
                    json.member("here", difference.here)
                    json.member("there", difference.there)
                }
            }
        }
        return json.string
    }
}

extension AgreementRecord {
    /// A row with the columns of an import file.
    init(_ row: Row) throws(PostgresError) {
        self.init(
            userID: try row.text("user_id"), agreementID: try row.textOrNil("agreement_id"),
            bizType: try row.textOrNil("biz_type"), subBizType: try row.textOrNil("sub_biz_type"),
            chargeInst: try row.textOrNil("charge_inst"), billKey: try row.textOrNil("bill_key"),
            outAgreementID: try row.textOrNil("out_agreement_id"), signDate: try row.textOrNil("sign_date"))
    }
}
