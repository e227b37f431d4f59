import Alipay
import Postgres
import Testing
import Wire

@testable import Settlement

/// The bytes that are hashed for ever. A change of one of these expectations breaks every reader that checks the chain.
@Suite struct FeedPayloadTests {
    private static let payment = FeedPayload(
        id: 7, kind: "payment", appID: "2021000000000001", tradeNo: "T1", sellerID: "2088000000000002", bizType: "00",
        roomID: "R1", communityID: "C\"1", totalFen: 1021, currency: "CNY", tradeStatus: "TRADE_SUCCESS",
        assurance: "signed", paidAt: Timestamp(unixSeconds: 1_774_000_000),
        confirmedAt: Timestamp(unixMicroseconds: 1_774_000_001_234_567), originalID: nil,
        bills: [FeedPayload.Line(id: "B1", period: "2026-03", kind: "WY", amountFen: 1021)],
        funds: [FeedPayload.Line(id: "COUPON", period: nil, kind: nil, amountFen: 20)])

    private static let paymentText =
        #"{"id":7,"kind":"payment","app_id":"2021000000000001","trade_no":"T1","seller_id":"2088000000000002","#
        + #""biz_type":"00","total_amount":"10.21","total_amount_fen":1021,"currency":"CNY","#
        + #""trade_status":"TRADE_SUCCESS","assurance":"signed","paid_at":"2026-03-20T17:46:40.000+08:00","#
        + #""confirmed_at":"2026-03-20T17:46:41.234+08:00","original_id":null,"#
        + #""bills":[{"bill_entry_id":"B1","acct_period":"2026-03","cost_type":"WY","amount":"10.21","amount_fen":1021}],"#
        + #""funds":[{"fund_channel":"COUPON","amount":"0.20","amount_fen":20}],"#
        + #""entity":{"room_id":"R1","community_id":"C\"1"}}"#

    private static let reversal = FeedPayload(
        id: 8, kind: "reversal", appID: "a", tradeNo: "T1", sellerID: "s", bizType: nil, roomID: nil, communityID: nil,
        totalFen: -1021, currency: "CNY", tradeStatus: "TRADE_CLOSED", assurance: "signed", paidAt: nil,
        confirmedAt: Timestamp(unixSeconds: 0), originalID: 7)

    private static let reversalText =
        #"{"id":8,"kind":"reversal","app_id":"a","trade_no":"T1","seller_id":"s","biz_type":null,"#
        + #""total_amount":"-10.21","total_amount_fen":-1021,"currency":"CNY","trade_status":"TRADE_CLOSED","#
        + #""assurance":"signed","paid_at":null,"confirmed_at":"1970-01-01T08:00:00.000+08:00","original_id":7,"#
        + #""bills":[],"funds":[],"entity":{"room_id":null,"community_id":null}}"#

    private static let withheld = FeedPayload(
        id: 9, kind: "withholding", appID: "12345678", tradeNo: "", sellerID: "", bizType: nil, roomID: nil,
        communityID: nil, totalFen: 50, currency: "CNY", tradeStatus: "SUCCESSED", assurance: "tls",
        paidAt: Timestamp(unixSeconds: 1_774_000_000), confirmedAt: Timestamp(unixSeconds: 1_774_000_001),
        originalID: nil,
        withheld: FeedPayload.Withheld(
            payBizCode: "R1", bizOrderID: "12838882", planID: "R1_12838882_1", alipayTradeNo: nil))

    private static let withheldText =
        #"{"id":9,"kind":"withholding","app_id":"12345678","pay_biz_code":"R1","biz_order_id":"12838882","#
        + #""plan_id":"R1_12838882_1","alipay_trade_no":null,"total_amount":"0.50","total_amount_fen":50,"#
        + #""currency":"CNY","trade_status":"SUCCESSED","assurance":"tls","paid_at":"2026-03-20T17:46:40.000+08:00","#
        + #""confirmed_at":"2026-03-20T17:46:41.000+08:00","original_id":null}"#

    @Test func `a withheld instalment is served as it was hashed, for it has no persons`() throws {
        let payload = Self.withheld.bytes
        #expect(String(decoding: payload, as: UTF8.self) == Self.withheldText)
        #expect(
            FeedPayload.settlement(payload, buyerUserID: nil, buyerLogonID: nil, householdID: nil) == payload)
        #expect(try JSONValue(parsing: payload)["plan_id"]?.text == "R1_12838882_1")
    }

    @Test func `the text of a payload never changes`() {
        #expect(String(decoding: Self.payment.bytes, as: UTF8.self) == Self.paymentText)
        #expect(String(decoding: Self.reversal.bytes, as: UTF8.self) == Self.reversalText)
    }

    @Test(arguments: [false, true])
    func `persons are set in without touching a byte of what was hashed`(hasPersons: Bool) throws {
        let payload = Self.payment.bytes
        let served = FeedPayload.settlement(
            payload, buyerUserID: hasPersons ? "2088\"9" : nil, buyerLogonID: hasPersons ? "138****8000" : nil,
            householdID: hasPersons ? "1-101|甲" : nil)
        #expect(served.starts(with: payload.dropLast(2)))
        let json = try JSONValue(parsing: served)
        guard case .object(let settlement) = json, case .object(let entity) = json["entity"] else {
            Issue.record("the settlement is no object")
            return
        }
        #expect(
            Set(settlement.members.map(\.key)) == [
                "id", "kind", "app_id", "trade_no", "seller_id", "buyer_user_id", "buyer_logon_id", "biz_type",
                "entity",
                "total_amount", "total_amount_fen", "currency", "trade_status", "assurance", "paid_at", "confirmed_at",
                "bills", "funds", "original_id",
            ])
        #expect(Set(entity.members.map(\.key)) == ["room_id", "community_id", "household_id"])
        #expect(json["buyer_user_id"]?.text == (hasPersons ? "2088\"9" : nil))
        #expect(json["buyer_logon_id"]?.text == (hasPersons ? "138****8000" : nil))
        #expect(entity["household_id"]?.text == (hasPersons ? "1-101|甲" : nil))
        #expect(entity["community_id"]?.text == "C\"1")
    }

    @Test func `the chain is what anybody computes with sha256sum`() {
        let first = FeedChain.hash(previous: FeedChain.genesis, seq: 1, payload: Array(#"{"id":1}"#.utf8))
        // printf '%064d' 0; printf '\0\0\0\0\0\0\0\1'; printf '{"id":1}'
        #expect(Digest.hex(first) == "76c8541936fc9d2deb68d265ee1ece9739224c88b07a9f36bf433e62e56f1144")
        // The hex of the first; printf '\0\0\0\0\0\0\1\0'; printf ''
        let second = FeedChain.hash(previous: first, seq: 256, payload: [])
        #expect(Digest.hex(second) == "8385c661ccdf71268c36506e3a67ffba091cfb3cd7838b5febed4a9c21c1e4e4")
    }
}
