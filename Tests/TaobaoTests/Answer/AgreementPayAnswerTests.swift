import Testing
import Wire

@testable import Taobao

/// The forms in which one and the same bill may come, and the ones in which none can be seen.
@Suite struct AgreementPayAnswerTests {
    private static func answer(_ text: String) -> AgreementPayAnswer {
        AgreementPayAnswer(Array(text.utf8), receivedAt: 0)
    }

    private static func bill(_ details: String, amount: String = "\"50\"") -> String {
        #"{"result":{"success":true,"module":{"biz_order_id":"1","pay_biz_code":"R1","pay_status":"INIT","#
            + #""total_amount":\#(amount)\#(details)}},"request_id":"r"}"#
    }

    static let one = #"{"plan_id":"R1_1_1","pay_status":"SUCCESSED","amount":"50"}"#

    static let lists: [(text: String, count: Int)] = [
        ("", 0), (#","pay_details":null"#, 0), (#","pay_details":{}"#, 0), (#","pay_details":[]"#, 0),
        (#","pay_details":"""#, 0), (#","pay_details":{"sub_pay_bill_dto":[]}"#, 0),
        (#","pay_details":{"sub_pay_bill_dto":{}}"#, 0), (#","pay_details":{"sub_pay_bill_dto":null}"#, 0),
        (#","pay_details":[\#(one)]"#, 1), (#","pay_details":\#(one)"#, 1),
        (#","pay_details":{"sub_pay_bill_dto":\#(one)}"#, 1), (#","pay_details":{"sub_pay_bill_dto":[\#(one)]}"#, 1),
        (#","pay_details":"[{\"plan_id\":\"P\",\"pay_status\":\"S\",\"amount\":\"1\"}]""#, 1),
    ]

    @Test(arguments: lists)
    func `a list is seen in each of its forms`(text: String, count: Int) {
        guard case .bill(let bill, _) = Self.answer(Self.bill(text)) else {
            Issue.record("no bill: \(text)")
            return
        }
        #expect(bill.details.count == count)
    }

    @Test func `XML, its root's attribute and a marked list read like JSON`() {
        let xml = #"""
            <?xml version="1.0" encoding="utf-8" ?>
            <alibaba_idle_agreement_pay_query_response request_id="r">
              <result><success>TRUE</success>
                <module>
                  <pay_details list="true">
                    <sub_pay_bill_dto><plan_id>R1_1_1</plan_id><pay_status>SUCCESSED</pay_status><amount>50</amount></sub_pay_bill_dto>
                    <sub_pay_bill_dto><plan_id>R1_1_2</plan_id><pay_status>FAILED</pay_status><amount>&#55;0</amount></sub_pay_bill_dto>
                  </pay_details>
                  <biz_order_id>1</biz_order_id><pay_biz_code>R1</pay_biz_code><pay_status>FAILED</pay_status>
                  <total_amount>120</total_amount>
                </module>
              </result>
            </alibaba_idle_agreement_pay_query_response><!--top-->
            """#
        guard case .bill(let bill, let evidence) = Self.answer(xml) else {
            Issue.record("\(Self.answer(xml))")
            return
        }
        #expect(bill.details.map(\.planID) == ["R1_1_1", "R1_1_2"] && bill.details.map(\.amount) == ["50", "70"])
        #expect(bill.status == .failed && evidence.requestID == "r")
    }

    @Test func `an amount keeps the digits that came, whether it is a number or a text`() {
        for (written, read) in [("50", "50"), ("5e1", "5e1"), ("\"0.50\"", "0.50"), ("50.0", "50.0")] {
            guard case .bill(let bill, _) = Self.answer(Self.bill("", amount: written)) else {
                Issue.record("no bill: \(written)")
                continue
            }
            #expect(bill.totalAmount == read)
        }
    }

    static let failures: [(text: String, kind: TOPFailure.Kind, cause: String)] = [
        ("", .retry, "no_answer"), ("<html><body>502</body></html>", .retry, "no_answer"), ("[]", .retry, "no_answer"),
        ("{}", .retry, "no_answer"), (#"{"result":null}"#, .retry, "no_answer"),
        ("{\"result\":{\"succ", .retry, "no_answer"),
        (#"{"result":{"success":true}}"#, .retry, "no_answer"),
        (#"{"result":{"module":{"a":"b"}}}"#, .retry, "no_answer"),
        (#"{"result":{"success":true,"module":{}}}"#, .retry, "no_answer"),
        (#"{"taobao_time_get_response":{"result":{"success":true}}}"#, .retry, "no_answer"),
        (#"{"error_response":{"code":25},"result":{"success":true}}"#, .retry, "no_answer"),
        (#"{"result":{"success":true,"success":false}}"#, .retry, "no_answer"),
        ("<!DOCTYPE x [<!ENTITY y 'z'>]><error_response><code>25</code></error_response>", .retry, "no_answer"),
        (#"{"result":{"success":"false"}}"#, .business, "business_error"),
        (#"{"result":{"success":false,"err_code":"ORDER_NOT_EXIST"}}"#, .business, "ORDER_NOT_EXIST"),
        (#"{"result":{"success":true,"module":"text"}}"#, .permanent, "bad_bill"),
        (#"{"result":{"success":true,"module":"[1]"}}"#, .permanent, "bad_bill"),
        (bill(#","pay_details":[1]"#), .permanent, "bad_bill"), (bill(#","pay_details":"x""#), .permanent, "bad_bill"),
        (bill(#","pay_details":[{"amount":"1"}]"#), .permanent, "bad_bill"),
        (bill(#","pay_details":[\#(one),\#(one)]"#), .permanent, "bad_bill"),
        (bill(#","pay_details":[{"plan_id":"a\u0000"}]"#), .permanent, "bad_bill"),
        (bill(#","pay_details":[{"plan_id":"p","amount":{}}]"#), .permanent, "bad_bill"),
        (bill("", amount: "\"\(String(repeating: "1", count: 65))\""), .permanent, "bad_bill"),
    ]

    @Test(arguments: failures.indices)
    func `what is no bill is a failure of the right kind`(index: Int) {
        let (text, kind, cause) = Self.failures[index]
        guard case .failure(let failure) = Self.answer(text) else {
            Issue.record("a bill: \(text)")
            return
        }
        #expect(failure.kind == kind && failure.cause == cause, "\(failure): \(text)")
    }

    @Test func `what the platform wrote is kept short and without control characters`() {
        let long = String(repeating: "x", count: 10_000)
        guard
            case .failure(let failure) = Self.answer(
                #"{"error_response":{"code":"a\u0000\n","msg":"\#(long)","sub_code":"\#(long)"}}"#)
        else { return }
        #expect(failure.code == "a  " && failure.message.count == 500 && failure.cause.count == 64)
    }
}
