import Testing
import Wire

@testable import Alipay

/// alipay.ebpp.pdeduct.sign.query: what is asked, what is refused before asking, and what an answer proves.
@Suite struct AgreementQueryTests {
    private static let user = "2088302186230962"

    @Test func `an agreement is asked for by its number alone where it has one`() throws {
        let query = try AgreementQuery(
            userID: Self.user, agreementID: "1234557890", bizType: "JF", subBizType: "ELECTRIC", chargeInst: "X",
            billKey: "1")
        #expect(query.bizContent == #"{"user_id":"2088302186230962","agreement_id":"1234557890"}"#)
    }

    @Test func `without a number it is asked for by all four of the others`() throws {
        let query = try AgreementQuery(
            userID: Self.user, bizType: "JF", subBizType: "ELECTRIC", chargeInst: "CQCENTERELECTRIC",
            billKey: "02659981")
        #expect(
            query.bizContent
                == #"{"user_id":"2088302186230962","biz_type":"JF","sub_biz_type":"ELECTRIC","#
                + #""charge_inst":"CQCENTERELECTRIC","bill_key":"02659981"}"#)
    }

    struct Refusal: Sendable {
        var user = AgreementQueryTests.user
        var id: String?
        var type: String? = "JF"
        var subType: String? = "WATER"
        var inst: String? = "HZYHWATER"
        var key: String? = "03983123"
        var field: String
        var reason: String
    }

    @Test(arguments: [
        Refusal(user: "208830218623096", field: "user_id", reason: "16 digits"),
        Refusal(user: "2088302186230962 ", field: "user_id", reason: "16 digits"),
        Refusal(id: String(repeating: "1", count: 33), field: "agreement_id", reason: "1 to 32 characters"),
        Refusal(id: "1\u{7}", field: "agreement_id", reason: "control characters"),
        Refusal(type: nil, field: "biz_type", reason: "all of biz_type, sub_biz_type, charge_inst and bill_key"),
        Refusal(subType: nil, field: "sub_biz_type", reason: "all of"),
        Refusal(inst: nil, field: "charge_inst", reason: "all of"),
        Refusal(key: nil, field: "bill_key", reason: "all of"),
        Refusal(type: "jf", field: "biz_type", reason: "one of JF, WUYE, HK, TX"),
        Refusal(
            subType: "HEAT", field: "sub_biz_type",
            reason: "one of WATER, ELECTRIC, GAS, COMMUN, CATV, TRAFFIC, WUYE, HK, CZ"),
        Refusal(inst: String(repeating: "机", count: 51), field: "charge_inst", reason: "1 to 50 characters"),
        Refusal(key: String(repeating: "1", count: 33), field: "bill_key", reason: "1 to 32 characters"),
    ])
    func `what the page does not allow is refused before it is sent`(refusal: Refusal) {
        let error = #expect(throws: AgreementQueryError.self) {
            try AgreementQuery(
                userID: refusal.user, agreementID: refusal.id, bizType: refusal.type, subBizType: refusal.subType,
                chargeInst: refusal.inst, billKey: refusal.key)
        }
        #expect(error?.field == refusal.field)
        #expect(error?.reason.contains(refusal.reason) == true, "\(String(describing: error))")
    }

    // MARK: Answers

    private static func agreement(_ changes: [String: String?] = [:]) throws -> Agreement {
        var fields: [String: String?] = [
            "agreement_id": "20160331000700130000930600556911", "charge_inst": "HZYHWATER", "user_id": user,
            "sign_date": "2016-02-03 18:00:00", "out_agreement_id": "738F4D9B", "bill_key": "03983123",
        ]
        for (name, value) in changes { fields[name] = value }
        let text = fields.sorted { $0.key < $1.key }.compactMap { name, value in
            value.map { "\(JSONWriter.string(name)):\(JSONWriter.string($0))" }
        }
        guard case .object(let node) = try JSONValue(parsing: Array("{\(text.joined(separator: ","))}".utf8)) else {
            throw AgreementAnswerError(field: "node")
        }
        return try Agreement(node: node)
    }

    @Test func `the page's own answer is read`() throws {
        let agreement = try Self.agreement()
        #expect(agreement.outAgreementID == "738F4D9B")
        #expect(agreement.billKey == "03983123")
        #expect(try Self.agreement(["bill_key": nil]).billKey == nil)
    }

    @Test(arguments: ["agreement_id", "charge_inst", "user_id", "sign_date", "out_agreement_id"])
    func `a field that the page requires must be there`(field: String) {
        let error = #expect(throws: AgreementAnswerError.self) { try Self.agreement([field: nil]) }
        #expect(error?.field == field)
    }

    @Test func `an answer about somebody else or something else is none`() throws {
        let number = "20160331000700130000930600556911"
        let byNumber = try AgreementQuery(userID: Self.user, agreementID: number)
        #expect(byNumber.isAnswered(by: try Self.agreement()))
        #expect(!byNumber.isAnswered(by: try Self.agreement(["agreement_id": "2"])))
        #expect(!byNumber.isAnswered(by: try Self.agreement(["user_id": "2088000000000000"])))
        // By number, another household is a difference for the report, not another answer.
        #expect(byNumber.isAnswered(by: try Self.agreement(["bill_key": "9"])))
        let byBill = try AgreementQuery(
            userID: Self.user, bizType: "JF", subBizType: "WATER", chargeInst: "HZYHWATER", billKey: "03983123")
        #expect(byBill.isAnswered(by: try Self.agreement()))
        #expect(byBill.isAnswered(by: try Self.agreement(["bill_key": nil])))
        #expect(!byBill.isAnswered(by: try Self.agreement(["bill_key": "9"])))
        #expect(!byBill.isAnswered(by: try Self.agreement(["charge_inst": "OTHER"])))
    }

    @Test func `only a signed word says that there is no agreement`() throws {
        let query = try AgreementQuery(userID: Self.user, agreementID: "1")
        func answer(signed: Bool) -> AgreementAnswer {
            GatewayClient.agreement(
                .failure(
                    GatewayFailure(
                        kind: .retry, cause: "DEDUCT_SIGN_INFO_NOT_EXIST", code: "40004",
                        subCode: "DEDUCT_SIGN_INFO_NOT_EXIST", message: "", signed: signed)), to: query)
        }
        guard case .missing = answer(signed: true), case .failure = answer(signed: false) else {
            Issue.record("a signed word and an unsigned one were taken for the same")
            return
        }
    }
}
