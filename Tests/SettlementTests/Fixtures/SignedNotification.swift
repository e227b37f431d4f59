import Alipay
import Settlement
import Wire

/// Bodies as Alipay would send them: signed with a key that the test's sources trust.
enum SignedNotification {
    static let contentType = "application/x-www-form-urlencoded"

    private static let usual = [
        "trade_no": "2026031821001000000000000001", "trade_status": "TRADE_SUCCESS", "total_amount": "20.50",
        "seller_id": TestHouse.sellerID, "charset": "utf-8", "sign_type": "RSA2", "body": "R1|C1|1-101",
        "notify_time": "2026-03-18 22:07:12", "det_list": "B1|B2",
        "fund_bill_list": #"[{"amount":"20.50","fundChannel":"ALIPAYACCOUNT"}]"#,
    ]

    /// A signed body: the usual parameters, with `changes` in their place; nil leaves one out.
    static func body(_ changes: [String: String?] = [:], bytes: [String: [UInt8]] = [:], form: CanonicalForm = .v2)
        throws -> [UInt8]
    {
        var values = usual.mapValues { Array($0.utf8) }
        for (name, value) in changes { values[name] = value.map { Array($0.utf8) } }
        values.merge(bytes) { $1 }
        let parameters = values.sorted { $0.key < $1.key }.map { (name: Array($0.key.utf8), value: $0.value) }
        let content = try form.signedContent(of: FormBody(parsing: FormBody.encode(parameters)))
        let sign = Base64.encode(try TestKeys.alipay.get().sign(content, with: .rsa2))
        return FormBody.encode(parameters + [(name: Array("sign".utf8), value: Array(sign.utf8))])
    }

    static func delivery(
        _ changes: [String: String?] = [:], bytes: [String: [UInt8]] = [:], from address: String = "192.0.2.1"
    ) throws -> Delivery {
        Delivery(body: try body(changes, bytes: bytes), contentType: contentType, remoteAddress: address)
    }
}
