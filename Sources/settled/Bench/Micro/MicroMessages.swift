import Alipay
import Sandbox
import Settlement
import Wire

/// The messages that are measured on: as long and as odd as those of life, and about nobody.
struct MicroMessages: Sendable {
    static let formType = "application/x-www-form-urlencoded; charset=utf-8"
    static let total = "1268.50"
    static let totalFen = 126_850
    static let firstName = "gmt_create"
    static let firstValue = "2026-11-20 22:07:07"
    private static let appID = "2021000000000001"
    private static let seller = "2088000000000002"
    private static let tradeNo = "2026112022001400000000000017"

    let keys: SandboxKeys
    /// A pay result of the family cplife, signed as V2.
    let notification: [UInt8]
    /// What the gateway answers about it, with two bills.
    let answer: [UInt8]

    init(keys: SandboxKeys) throws {
        self.keys = keys
        notification = try Self.notification(signedBy: keys.alipay)
        answer = try Self.answer(signedBy: keys.alipay)
    }

    var source: Source {
        get throws {
            Source(
                name: "cplife", appID: Self.appID,
                verifier: NotificationVerifier(profile: .cplife, keys: [keys.alipay.publicKey]),
                acknowledgement: try Acknowledgement(style: .success))
        }
    }

    var merchants: Merchants {
        Merchants([
            Merchant(
                sellerID: Self.seller, appID: Self.appID, communities: ["C100000000001"], token: Self.merchantToken)
        ])
    }

    var app: GatewayApp {
        get throws {
            GatewayApp(
                appID: Self.appID, gateway: try GatewayAddress("https://openapi.alipay.com/gateway.do"),
                privateKey: keys.app, alipayKeys: [keys.alipay.publicKey])
        }
    }

    var question: GatewayCall {
        GatewayCall(
            method: PayResultQuery.method, bizContent: #"{"trade_no":"\#(Self.tradeNo)"}"#,
            appAuthToken: Self.merchantToken, timestamp: 1_795_183_632)
    }

    /// As the feed stores it.
    var feedPayload: [UInt8] {
        Array(
            (#"{"id":17,"kind":"payment","app_id":"\#(Self.appID)","trade_no":"\#(Self.tradeNo)","#
                + #""seller_id":"\#(Self.seller)","biz_type":"00","total_amount":"\#(Self.total)","#
                + #""total_amount_fen":\#(Self.totalFen),"currency":"CNY","trade_status":"TRADE_SUCCESS","#
                + #""assurance":"signed","paid_at":"2026-11-20T22:07:12+08:00","#
                + #""confirmed_at":"2026-11-20T22:07:13.417522+08:00","original_id":null,"#
                + #""bills":[{"bill_entry_id":"WY2026112000000017001","acct_period":"2026年11月","cost_type":"物业费","#
                + #""amount":"1210.00","amount_fen":121000},{"bill_entry_id":"WY2026112000000017002","#
                + #""acct_period":"2026年11月","cost_type":"公摊电费","amount":"58.50","amount_fen":5850}],"#
                + #""funds":[{"fund_channel":"PCREDIT","amount":"1200.00","amount_fen":120000},"#
                + #"{"fund_channel":"POINT","amount":"68.50","amount_fen":6850}],"#
                + #""entity":{"room_id":"R1000000000000000000017","community_id":"C100000000001"}}"#).utf8)
    }

    private static let merchantToken = "202611BBa0000000000000000000000000000A01"

    private static func notification(signedBy key: PrivateKey) throws -> [UInt8] {
        var parameters = [
            (firstName, firstValue), ("det_list", "WY2026112000000017001|WY2026112000000017002"), ("charset", "utf-8"),
            ("notify_time", "2026-11-20 22:07:12"), ("gmt_payment", "2026-11-20 22:07:12"),
            ("body", "R1000000000000000000017|C100000000001|7号楼-101室"), ("buyer_user_id", "2088000000000001"),
            (
                "fund_bill_list",
                #"[{"amount":"1200.00","fundChannel":"PCREDIT"},{"amount":"68.50","fundChannel":"POINT"}]"#
            ),
            ("total_amount", total), ("service", "alipay.industry.car.appid.invoke"), ("refund_fee", ""),
            ("trade_status", "TRADE_SUCCESS"), ("trade_no", tradeNo), ("buyer_logon_id", "100****0000"),
            ("receipt_amount", total), ("seller_id", seller), ("_request_path", "/notify/cplife"),
            ("sign_type", "RSA2"),
        ]
        let unsigned = try FormBody(parsing: encoded(parameters))
        let signature = try key.sign(CanonicalForm.v2.signedContent(of: unsigned), with: .rsa2)
        parameters.append(("sign", Base64.encode(signature)))
        return encoded(parameters)
    }

    private static func encoded(_ parameters: [(String, String)]) -> [UInt8] {
        FormBody.encode(parameters.map { (Array($0.0.utf8), Array($0.1.utf8)) })
    }

    private static func answer(signedBy key: PrivateKey) throws -> [UInt8] {
        let node =
            #"{"code":"10000","msg":"Success","trade_no":"\#(tradeNo)","buyer_user_id":"2088000000000001","#
            + #""buyer_logon_id":"100****0000","seller_id":"\#(seller)","trade_status":"TRADE_SUCCESS","#
            + #""total_amount":"\#(total)","biz_entity_id":"R1000000000000000000017|C100000000001|7号楼-101室","#
            + #""biz_type":"00","gmt_payment":"2026-11-20 22:07:12","#
            + #""fund_bill_list":[{"amount":"1200.00","fund_channel":"PCREDIT"},"#
            + #"{"amount":"68.50","fund_channel":"POINT"}],"#
            + #""assoc_bill_details":[{"acct_period":"2026年11月","bill_entry_amount":"1210.00","#
            + #""bill_entry_id":"WY2026112000000017001","cost_type":"物业费"},"#
            + #"{"acct_period":"2026年11月","bill_entry_amount":"58.50","#
            + #""bill_entry_id":"WY2026112000000017002","cost_type":"公摊电费"}]}"#
        let signature = Base64.encode(try key.sign(Array(node.utf8), with: .rsa2))
        return Array(
            #"{"alipay_eco_cplife_pay_result_query_response":\#(node),"sign":"\#(signature)"}"#.utf8)
    }
}
