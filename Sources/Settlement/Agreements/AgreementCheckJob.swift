import JobQueue
import Wire

/// What a check job knows: the run it belongs to, and the agreement it asks about.
public struct AgreementCheckJob: Sendable, Hashable {
    /// The queue and the kind under which these jobs run.
    public static let queue = "agreements"
    public static let kind = "agreement_check"

    let run: Int64
    let agreement: Int64
    let record: AgreementRecord

    /// Reads a job's `args`, as `AgreementRuns` writes them; nil when they are not a check's.
    init?(args: String) {
        guard let json = try? JSONValue(parsing: Array(args.utf8)),
            let run = json["run"]?.text.flatMap({ Int64($0) }),
            let agreement = json["agreement"]?.text.flatMap({ Int64($0) }), let userID = json["user_id"]?.text
        else { return nil }
        self.run = run
        self.agreement = agreement
        record = AgreementRecord(
            userID: userID, agreementID: json["agreement_id"]?.text, bizType: json["biz_type"]?.text,
            subBizType: json["sub_biz_type"]?.text, chargeInst: json["charge_inst"]?.text,
            billKey: json["bill_key"]?.text)
    }
}
