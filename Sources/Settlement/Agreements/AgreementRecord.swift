import Alipay
import Wire

/// An agreement as the institution knows it: one valid row of an import.
public struct AgreementRecord: Sendable, Hashable {
    /// The columns of an import file, in the order of its values.
    public static let columns = [
        "user_id", "agreement_id", "biz_type", "sub_biz_type", "charge_inst", "bill_key", "out_agreement_id",
        "sign_date",
    ]

    public let userID: String
    public let agreementID: String?
    public let bizType: String?
    public let subBizType: String?
    public let chargeInst: String?
    public let billKey: String?
    public let outAgreementID: String?
    public let signDate: String?

    /// The row's values in the order of ``columns``.
    public var values: [String?] {
        [userID, agreementID, bizType, subBizType, chargeInst, billKey, outAgreementID, signDate]
    }

    /// Checks a row of a file against the API's page: what can be asked, and what can be compared.
    public init(_ row: RowFile.Row) throws(RowProblem) {
        func value(_ column: String) -> String? {
            Self.columns.firstIndex(of: column).flatMap { row.values.indices.contains($0) ? row.values[$0] : nil }
        }
        func problem(_ column: String, _ reason: String) -> RowProblem {
            RowProblem(line: row.line, column: column, reason: reason)
        }
        func text(_ column: String, _ limit: Int) throws(RowProblem) -> String? {
            guard let text = value(column) else { return nil }
            guard text.unicodeScalars.count <= limit else {
                throw problem(column, "longer than \(limit) characters")
            }
            guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                throw problem(column, "control characters are not allowed")
            }
            return text
        }
        guard let userID = value("user_id") else { throw problem("user_id", "missing; 16 digits are expected") }
        if userID.contains("E+") || userID.contains("e+") {
            throw problem(
                "user_id", "rounded by a spreadsheet; format the column as text before it is saved")
        }
        self.userID = userID
        agreementID = try text("agreement_id", AgreementQuery.Limit.agreementID)
        bizType = value("biz_type")
        subBizType = value("sub_biz_type")
        chargeInst = try text("charge_inst", 100)
        billKey = try text("bill_key", 50)
        outAgreementID = try text("out_agreement_id", 50)
        signDate = try text("sign_date", 50)
        do throws(AgreementQueryError) {
            if let bizType { let _: AgreementQuery.BizType = try AgreementQuery.word(bizType, "biz_type") }
            if let subBizType { let _: AgreementQuery.SubBizType = try AgreementQuery.word(subBizType, "sub_biz_type") }
            _ = try query()
        } catch {
            throw problem(error.field, error.reason)
        }
    }

    init(
        userID: String, agreementID: String?, bizType: String?, subBizType: String?, chargeInst: String?,
        billKey: String?, outAgreementID: String? = nil, signDate: String? = nil
    ) {
        self.userID = userID
        self.agreementID = agreementID
        self.bizType = bizType
        self.subBizType = subBizType
        self.chargeInst = chargeInst
        self.billKey = billKey
        self.outAgreementID = outAgreementID
        self.signDate = signDate
    }

    /// The question about it.
    func query() throws(AgreementQueryError) -> AgreementQuery {
        try AgreementQuery(
            userID: userID, agreementID: agreementID, bizType: bizType, subBizType: subBizType, chargeInst: chargeInst,
            billKey: billKey)
    }
}
