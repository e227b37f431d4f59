import Alipay
import Wire

/// What one check found. The words are those of the table and of the report.
public enum AgreementOutcome: String, Sendable, Hashable, CaseIterable {
    /// In force at Alipay, and everything that is known here is the same there.
    case equal
    /// In force, but not the same.
    case differs
    /// One-sided (单边): Alipay's signed word is that there is none.
    case missingAtAlipay = "missing_at_alipay"
    /// No word of Alipay's that could be believed, yet.
    case undecided
}

/// One field that is not the same on both sides.
public struct AgreementDifference: Sendable, Hashable {
    /// The field's name on the wire.
    public let field: String
    public let here: String
    public let there: String
}

/// Compares an agreement as it is known here with Alipay's answer. Pure.
enum AgreementComparison {
    /// Fields that are not known here are not compared, and neither is a household's number that the answer leaves out: its
    /// page calls it optional.
    static func differences(_ here: AgreementRecord, _ there: Agreement) -> [AgreementDifference] {
        let fields: [(String, String?, String?)] = [
            ("agreement_id", here.agreementID, there.agreementID), ("charge_inst", here.chargeInst, there.chargeInst),
            ("bill_key", here.billKey, there.billKey), ("out_agreement_id", here.outAgreementID, there.outAgreementID),
        ]
        var differences = fields.compactMap { field, here, there -> AgreementDifference? in
            guard let here, let there, here != there else { return nil }
            return AgreementDifference(field: field, here: here, there: there)
        }
        if let date = here.signDate, !isSameTime(date, there.signDate) {
            differences.append(AgreementDifference(field: "sign_date", here: date, there: there.signDate))
        }
        return differences
    }

    /// Times are compared as times, and a date without a time with the date alone.
    private static func isSameTime(_ here: String, _ there: String) -> Bool {
        if here == there { return true }
        if let ours = ShanghaiTime.parse(here), let theirs = ShanghaiTime.parse(there) { return ours == theirs }
        return here.utf8.count == 10 && ShanghaiTime.parse(here + " 00:00:00") != nil && there.hasPrefix(here + " ")
    }
}
