import Testing

@testable import Taobao

@Suite struct AnswerVectorTests {
    @Test func `all thirteen answers are there`() throws {
        let cases = try VectorFile.answers.get()
        print("top_responses.json: \(cases.count) cases")
        #expect(cases.count == 13)
    }

    @Test(arguments: try VectorFile.answers.get())
    func `an answer is read and classified as the vector says`(vector: AnswerCase) throws {
        let answer = AgreementPayAnswer(Array(vector.body.utf8), receivedAt: 0)
        switch answer {
        case .bill(let bill, let evidence):
            #expect(vector.expect.kind == "ok")
            #expect(bill.bizOrderID == "12838882")
            #expect(vector.expect.pay_details == bill.details.count)
            if let status = vector.expect.pay_status { #expect(bill.status.description == status) }
            #expect(evidence.requestID != nil && evidence.rawBody == Array(vector.body.utf8))
        case .failure(let failure):
            #expect(Self.word(failure.kind) == vector.expect.kind)
            #expect(failure.rawBody == Array(vector.body.utf8))
            guard case .throttle(let ban) = failure.kind else { return }
            #expect(ban.duration == .seconds(try #require(vector.expect.seconds)))
            #expect(ban.isDailyQuota == (vector.expect.alert ?? false))
        }
    }

    /// The vectors' words for the kinds.
    private static func word(_ kind: TOPFailure.Kind) -> String {
        switch kind {
        case .business: "business-error"
        case .retry: "transient"
        case .throttle: "retry-after"
        case .permanent: "permanent"
        case .operator, .clock: "operator"
        }
    }

    @Test func `the first vector reads as its fields say`() throws {
        let vector = try #require(try VectorFile.answers.get().first)
        guard case .bill(let bill, let evidence) = AgreementPayAnswer(Array(vector.body.utf8), receivedAt: 7) else {
            Issue.record("no bill")
            return
        }
        #expect(bill.payBizCode == "R1" && bill.totalAmount == "120" && bill.statusText == "部分成功")
        #expect(
            bill.details == [
                .init(
                    planID: "R1_897121234123_1", status: "SUCCESSED", statusText: "支付成功", amount: "50",
                    alipayTradeNo: "20201023993212", paidAt: 1_578_621_600, createdAt: 1_578_618_000),
                .init(
                    planID: "R1_897121234123_2", status: "FAILED", amount: "70", createdAt: 1_578_618_000,
                    errorCode: "demo", errorMessage: "demo"),
            ])
        #expect(evidence.receivedAt == 7 && evidence.requestID == "2cefqf6jzk8a")
    }
}
