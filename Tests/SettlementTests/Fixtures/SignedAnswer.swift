import Alipay
import Wire

/// Answers of the payment query as the gateway writes them.
enum SignedAnswer {
    enum Signature: Sendable {
        case good
        case none
        /// By a key that is not Alipay's.
        case foreign
        /// Over these bytes and not over the node's.
        case over(String)
    }

    static func body(_ node: String, signature: Signature = .good) throws -> String {
        let key = "alipay_eco_cplife_pay_result_query_response"
        func signed(_ text: String, _ keys: Result<PrivateKey, any Error>) throws -> String {
            #"{"\#(key)":\#(node),"sign":"\#(Base64.encode(try keys.get().sign(Array(text.utf8), with: .rsa2)))"}"#
        }
        return switch signature {
        case .good: try signed(node, TestKeys.alipay)
        case .none: #"{"\#(key)":\#(node)}"#
        case .foreign: try signed(node, TestKeys.app)
        case .over(let other): try signed(other, TestKeys.alipay)
        }
    }

    static func failure(_ code: String, _ subCode: String, signed: Bool = true) throws -> String {
        try body(
            #"{"code":"\#(code)","msg":"m","sub_code":"\#(subCode)","sub_msg":"s"}"#,
            signature: signed ? .good : .none)
    }

    /// The node of a paid trade.
    static func paid(
        _ trade: String, total: String = #""20.50""#, seller: String = TestHouse.sellerID, more: String = ""
    ) -> String {
        #"{"code":"10000","msg":"Success","trade_no":"\#(trade)","seller_id":"\#(seller)","#
            + #""trade_status":"TRADE_SUCCESS","total_amount":\#(total),"biz_entity_id":"R1|C1|1-101","#
            + #""assoc_bill_details":[{"bill_entry_id":"B1","bill_entry_amount":"20.50"}]\#(more)}"#
    }
}
