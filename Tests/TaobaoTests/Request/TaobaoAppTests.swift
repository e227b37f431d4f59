import Testing
import Wire

@testable import Taobao

@Suite struct TaobaoAppTests {
    private static func app(_ format: TaobaoApp.Format, session: SessionKey = SessionKey("s1")) throws -> TaobaoApp {
        TaobaoApp(
            gateway: try GatewayAddress("https://eco.taobao.com/router/rest"), appKey: "12345678", secret: "helloworld",
            session: session, format: format)
    }

    @Test func `the request of the first vector is what an app asks`() throws {
        let vector = try #require(try VectorFile.requests.get().first)
        let order = try WithholdingOrder(bizOrderID: "12838882", payBizCode: "R1")
        let app = try Self.app(.json(isSimplified: false), session: SessionKey("6100a1b2c3d4test"))
        let form = try app.sign(
            AgreementPayQuery.method, param: order.param,
            timestamp: try #require(ShanghaiTime.parse("2026-03-18 12:00:00")))
        #expect(String(decoding: form.body, as: UTF8.self) == vector.methods["hmac-sha256"]?.form_body)
    }

    @Test(arguments: [
        (TaobaoApp.Format.json(isSimplified: false), "format=json", false),
        (.json(isSimplified: true), "format=json", true),
        (.xml, "format=xml", false),
    ])
    func `the form of the answer is asked for`(format: TaobaoApp.Format, text: String, isSimplified: Bool) throws {
        let form = try Self.app(format).sign("m", param: "{}", timestamp: 0)
        let body = String(decoding: form.body, as: UTF8.self)
        #expect(body.contains(text))
        #expect(body.contains("simplify=true") == isSimplified)
        #expect(body.contains("timestamp=1970-01-01+08%3A00%3A00"))
    }

    @Test func `a session that was replaced is used by the next call, and none is no parameter`() throws {
        let session = SessionKey("one")
        let app = try Self.app(.xml, session: session)
        let body = { String(decoding: try app.sign("m", param: "{}", timestamp: 0).body, as: UTF8.self) }
        #expect(try body().contains("session=one"))
        session.replace(with: "two")
        #expect(try body().contains("session=two"))
        session.replace(with: nil)
        #expect(try !body().contains("session"))
    }

    @Test func `neither secret nor session shows where an app is printed`() throws {
        var text = ""
        dump(try Self.app(.xml, session: SessionKey("6100secret")), to: &text)
        print(try Self.app(.xml, session: SessionKey("6100secret")), to: &text)
        #expect(!text.contains("helloworld") && !text.contains("6100secret"))
        #expect(text.contains("12345678"))
    }

    @Test(arguments: [
        ("", "R1", "biz_order_id"), ("1 2", "R1", "biz_order_id"), ("1\u{0}", "R1", "biz_order_id"),
        (String(repeating: "9", count: 129), "R1", "biz_order_id"), ("1", "", "pay_biz_code"),
        ("1", "R 1", "pay_biz_code"), ("1", "回收", "pay_biz_code"), ("1\u{3000}2", "R1", "biz_order_id"),
    ])
    func `an order that nobody could have is refused by field`(id: String, code: String, field: String) {
        let error = #expect(throws: InvalidOrder.self) { try WithholdingOrder(bizOrderID: id, payBizCode: code) }
        #expect(error?.field == field)
    }
}
