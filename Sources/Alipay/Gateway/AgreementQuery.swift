import Wire

/// The query that tells whether a withholding agreement is in force: alipay.ebpp.pdeduct.sign.query.
///
/// It can only be made in one of the two forms that the API's page allows, so nothing is sent that the gateway would refuse
/// as PARAMETER_ILLEGAL.
public struct AgreementQuery: Sendable, Hashable {
    public static let method = "alipay.ebpp.pdeduct.sign.query"

    /// The sub_code that says that there is no such agreement: a result, where it is signed.
    static let notExisting = "DEDUCT_SIGN_INFO_NOT_EXIST"

    /// `biz_type`: what is paid for.
    public enum BizType: String, Sendable, Hashable, CaseIterable {
        /// Water, electricity, gas, telephone and broadband, cable television, traffic fines.
        case utilities = "JF"
        case property = "WUYE"
        case creditCard = "HK"
        case mobileTopUp = "TX"
    }

    /// `sub_biz_type`: which of them.
    public enum SubBizType: String, Sendable, Hashable, CaseIterable {
        case water = "WATER"
        case electricity = "ELECTRIC"
        case gas = "GAS"
        case telecom = "COMMUN"
        case cableTelevision = "CATV"
        case trafficFine = "TRAFFIC"
        case property = "WUYE"
        case creditCard = "HK"
        case mobileTopUp = "CZ"
    }

    /// By what the agreement is found.
    public enum Subject: Sendable, Hashable {
        /// Alipay's number of the agreement.
        case agreementID(String)
        /// The household at the institution that charges it.
        case bill(BizType, SubBizType, chargeInst: String, billKey: String)
    }

    /// The lengths of the page's request table, in characters.
    public enum Limit {
        public static let userID = 16
        public static let agreementID = 32
        public static let chargeInst = 50
        public static let billKey = 32
    }

    /// The payer, 2088…, 16 digits.
    public let userID: String
    public let subject: Subject

    /// A query by the agreement's number where there is one, else by all four of the others.
    ///
    /// - Throws: ``AgreementQueryError`` with the field at fault.
    public init(
        userID: String, agreementID: String? = nil, bizType: String? = nil, subBizType: String? = nil,
        chargeInst: String? = nil, billKey: String? = nil
    ) throws(AgreementQueryError) {
        guard userID.utf8.count == Limit.userID, userID.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw AgreementQueryError(field: "user_id", reason: "16 digits are expected")
        }
        self.userID = userID
        if let agreementID, !agreementID.isEmpty {
            subject = .agreementID(try Self.text(agreementID, "agreement_id", Limit.agreementID))
            return
        }
        guard let bizType, let subBizType, let chargeInst, let billKey else {
            let missing = [
                ("biz_type", bizType), ("sub_biz_type", subBizType), ("charge_inst", chargeInst), ("bill_key", billKey),
            ].first { $0.1 == nil }
            throw AgreementQueryError(
                field: missing?.0 ?? "agreement_id",
                reason: "without agreement_id all of biz_type, sub_biz_type, charge_inst and bill_key are needed")
        }
        subject = .bill(
            try Self.word(bizType, "biz_type"), try Self.word(subBizType, "sub_biz_type"),
            chargeInst: try Self.text(chargeInst, "charge_inst", Limit.chargeInst),
            billKey: try Self.text(billKey, "bill_key", Limit.billKey))
    }

    private static func text(_ text: String, _ field: String, _ limit: Int) throws(AgreementQueryError) -> String {
        guard !text.isEmpty, text.unicodeScalars.count <= limit else {
            throw AgreementQueryError(field: field, reason: "1 to \(limit) characters are expected")
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw AgreementQueryError(field: field, reason: "control characters are not allowed")
        }
        return text
    }

    /// One of the page's values, exactly as spelt there.
    public static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ text: String, _ field: String
    ) throws(AgreementQueryError) -> Word {
        guard let word = Word(rawValue: text) else {
            throw AgreementQueryError(
                field: field, reason: "one of \(Word.allCases.map(\.rawValue).joined(separator: ", ")) is expected")
        }
        return word
    }

    /// `biz_content`, the members in the order of the page.
    var bizContent: String {
        var json = JSONWriter(capacity: 160)
        json.object { json in
            json.member("user_id", userID)
            switch subject {
            case .agreementID(let id): json.member("agreement_id", id)
            case .bill(let type, let subType, let chargeInst, let billKey):
                json.member("biz_type", type.rawValue)
                json.member("sub_biz_type", subType.rawValue)
                json.member("charge_inst", chargeInst)
                json.member("bill_key", billKey)
            }
        }
        return json.string
    }
}

/// Why a query cannot be made. The value is not repeated: it may be personal.
public struct AgreementQueryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The field's name on the wire.
    public let field: String
    public let reason: String

    public var description: String { "\(field): \(reason)" }
}
