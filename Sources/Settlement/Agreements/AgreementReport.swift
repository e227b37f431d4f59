import Postgres
import Wire

/// The report of the reconciliation: for each agreement what its latest check found, and what to do next.
public struct AgreementReport: Sendable {
    public struct Entry: Sendable {
        public let id: Int64
        public let record: AgreementRecord
        /// nil until the first check.
        public let outcome: AgreementOutcome?
        public let cause: String?
        /// A JSON array of `{"field":…,"here":…,"there":…}`.
        public let differences: String
        /// The names of the fields that differ.
        public let fields: [String]
        public let checkedAt: Timestamp?
        public let runID: Int64?
    }

    public struct Filter: Sendable {
        /// Any of these; all when nil. Agreements that were never checked match only without a filter.
        public var outcomes: Set<AgreementOutcome>?
        public var userID: String?
        public var agreementID: String?
        public var billKey: String?
        /// Only agreements with a higher id: in the order of their import, page by page.
        public var after: Int64 = 0
        public var limit: Int64 = 1000
        public init() {}
    }

    public struct HistoryEntry: Sendable {
        public let runID: Int64
        public let checkedAt: Timestamp
        public let outcome: AgreementOutcome
        public let cause: String?
        public let differences: String
    }

    public let appID: String
    private let pool: Pool
    private let lane: Lane

    public init(appID: String, pool: Pool, lane: Lane = FeedReader.lane) {
        self.appID = appID
        self.pool = pool
        self.lane = lane
    }

    static let entries = Statement(
        "agreements.report",
        """
        SELECT a.id, a.user_id, a.agreement_id, a.biz_type, a.sub_biz_type, a.charge_inst, a.bill_key,
               a.out_agreement_id, a.sign_date, k.run_id, k.checked_at, k.outcome, k.cause,
               coalesce(k.differences, '[]') AS differences,
               coalesce(ARRAY(SELECT d->>'field' FROM jsonb_array_elements(k.differences) AS d), '{}') AS fields
        FROM settled.agreements a
        LEFT JOIN settled.agreement_checks k ON k.run_id = a.last_run_id AND k.agreement = a.id
        WHERE a.app_id = $1 AND a.id > $2 AND ($4::text[] IS NULL OR k.outcome = ANY ($4))
          AND ($5::text IS NULL OR a.user_id = $5) AND ($6::text IS NULL OR a.agreement_id = $6)
          AND ($7::text IS NULL OR a.bill_key = $7)
        ORDER BY a.id LIMIT $3
        """)

    public func list(_ filter: Filter) async throws -> [Entry] {
        let parameters: [Parameter] = [
            .text(appID), .int8(filter.after), .int8(filter.limit),
            filter.outcomes.map { .textArray($0.map(\.rawValue)) } ?? .null, .optional(filter.userID),
            .optional(filter.agreementID), .optional(filter.billKey),
        ]
        return try await pool.query(lane, Self.entries, parameters).map { row in
            Entry(
                id: try row.int8("id"), record: try AgreementRecord(row),
                outcome: try row.textOrNil("outcome").flatMap(AgreementOutcome.init), cause: try row.textOrNil("cause"),
                differences: try row.jsonb("differences"), fields: try row.textArray("fields"),
                checkedAt: try row.timestamptzOrNil("checked_at"), runID: try row.int8OrNil("run_id"))
        }
    }

    static let checks = Statement(
        "agreements.history",
        """
        SELECT run_id, checked_at, outcome, cause, differences FROM settled.agreement_checks
        WHERE agreement = $1 ORDER BY run_id DESC LIMIT 100
        """)

    /// What the runs found of one agreement, the latest first.
    public func history(of agreement: Int64) async throws -> [HistoryEntry] {
        try await pool.query(lane, Self.checks, [.int8(agreement)]).map { row in
            HistoryEntry(
                runID: try row.int8("run_id"), checkedAt: try row.timestamptz("checked_at"),
                outcome: AgreementOutcome(rawValue: try row.text("outcome")) ?? .undecided,
                cause: try row.textOrNil("cause"), differences: try row.jsonb("differences"))
        }
    }
}

extension AgreementReport.Entry {
    /// What a person does about it, in one sentence.
    public var nextAction: String {
        switch outcome {
        case .equal?: "nothing to do"
        case .differs?:
            "find out which side is right about \(fields.joined(separator: ", ")); import the corrected row, "
                + "or have the user sign again"
        case .missingAtAlipay?:
            "one-sided here: check whether the user has ended the agreement, then end it here or have it signed again"
        case .undecided?:
            cause == "cannot_ask"
                ? "correct the row and import it again" : "wait for the next run; see the cause in docs/agreements.md"
        case nil: "not checked yet: run `settled agreements check`"
        }
    }

    /// The entry as the API and the command write it.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.member("id", id)
            json.member("user_id", record.userID)
            json.member("agreement_id", orNull: record.agreementID)
            json.member("out_agreement_id", orNull: record.outAgreementID)
            json.member("biz_type", orNull: record.bizType)
            json.member("sub_biz_type", orNull: record.subBizType)
            json.member("charge_inst", orNull: record.chargeInst)
            json.member("bill_key", orNull: record.billKey)
            json.member("outcome", orNull: outcome?.rawValue)
            json.member("differences", raw: differences)
            json.member("cause", orNull: cause)
            json.member("checked_at", orNull: checkedAt?.rfc3339)
            json.member("run", orNull: runID)
            json.member("next_action", nextAction)
        }
        return json.bytes
    }
}
