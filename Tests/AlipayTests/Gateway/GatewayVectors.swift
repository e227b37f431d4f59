import Alipay
import Foundation
import Testing
import Wire

/// The cases of `responses.json`: answers of the gateway, signed by throw-away keys.
struct ResponseCase: Decodable, CustomTestStringConvertible {
    let id: String
    let description: String
    let method: String
    let requestCharset: String
    let bodyBase64: String
    let signedContentSHA256: String?
    let signType: String
    let verifyKey: String
    let expect: String
    let expectedFields: Fields?
    let certificateNumber: String?
    let plaintext: String?
    let contentKeyName: String?

    struct Fields: Decodable {
        let totalAmount: String?
        let funds: Int?
        let bills: Int?
        let code: String?
        let subCode: String?
        let agreementID: String?

        enum CodingKeys: String, CodingKey {
            case totalAmount = "total_amount"
            case funds = "fund_bill_list_count"
            case bills = "assoc_bill_details_count"
            case code
            case subCode = "sub_code"
            case agreementID = "agreement_id"
        }
    }

    enum CodingKeys: String, CodingKey {
        case id, description, method, expect, plaintext
        case requestCharset = "request_charset"
        case bodyBase64 = "body_b64"
        case signedContentSHA256 = "signed_content_sha256"
        case signType = "sign_type"
        case verifyKey = "verify_key"
        case expectedFields = "expected_fields"
        case certificateNumber = "alipay_cert_sn"
        case contentKeyName = "aes_key"
    }

    var testDescription: String { "\(id) \(description)" }

    var body: [UInt8] { get throws { try #require(Base64.decode(bodyBase64)) } }

    func open() throws -> Envelope {
        let key = try #require(VectorKeys.shared.get()[verifyKey])
        return try Envelope.open(
            body, method: method, keys: [key.publicKey], algorithm: #require(SignatureAlgorithm(rawValue: signType)),
            charset: #require(Charset(label: requestCharset)),
            contentKey: contentKeyName.map { try GatewayVectors.contentKey($0) })
    }
}

/// The cases of `openapi_requests.json`: signed calls.
struct RequestCase: Decodable, CustomTestStringConvertible {
    let id: String
    let description: String
    let charset: String
    let signKey: String
    let stringToSignBase64: String
    let sign: String
    let url: String
    let contentType: String
    let body: String

    enum CodingKeys: String, CodingKey {
        case id, description, charset, sign, url, body
        case signKey = "sign_key"
        case stringToSignBase64 = "string_to_sign_b64"
        case contentType = "content_type"
    }

    var testDescription: String { "\(id) \(description)" }
}

enum GatewayVectors {
    private struct File<Case: Decodable>: Decodable { let cases: [Case] }

    static let responses = Result {
        try JSONDecoder().decode(File<ResponseCase>.self, from: VectorFile.read("responses")).cases
    }
    static let requests = Result {
        try JSONDecoder().decode(File<RequestCase>.self, from: VectorFile.read("openapi_requests")).cases
    }

    static func response(_ id: String) throws -> ResponseCase {
        try #require(responses.get().first { $0.id == id })
    }

    /// The content key of that name in `keys.json`.
    static func contentKey(_ name: String) throws -> ContentKey {
        struct File: Decodable {
            let keys: Keys
            struct Keys: Decodable { let aes128_key_b64: String }
        }
        try #require(name == "aes128_key_b64")
        return try ContentKey(
            text: JSONDecoder().decode(File.self, from: VectorFile.read("keys")).keys.aes128_key_b64)
    }

    /// The app of the vectors, at a gateway that nobody calls.
    static func app(charset: Charset = .utf8, algorithm: SignatureAlgorithm = .rsa2) throws -> GatewayApp {
        let keys = try VectorKeys.shared.get()
        return GatewayApp(
            appID: "2014072300007148", gateway: try GatewayAddress("https://openapi.alipay.com/gateway.do"),
            privateKey: try keys.app.privateKey, algorithm: algorithm, alipayKeys: [try keys.alipay.publicKey],
            charset: charset)
    }
}

/// Answers as the gateway would sign them, with the platform's throw-away key.
enum SignedAnswer {
    static let payNode = "alipay_eco_cplife_pay_result_query_response"

    static func body(_ node: String, name: String = payNode, charset: Charset = .utf8) throws -> [UInt8] {
        let content = try #require(charset.encode(node))
        let key = try VectorKeys.shared.get().alipay.privateKey
        let sign = Base64.encode(try key.sign(content, with: .rsa2))
        return Array("{\"\(name)\":".utf8) + content + Array(",\"sign\":\"\(sign)\"}".utf8)
    }

    /// A paid answer with one bill, its members replaced or added by `changes`; nil takes one away.
    static func paid(_ changes: [String: String?] = [:]) -> String {
        var members: [String: String?] = [
            "code": "\"10000\"", "msg": "\"Success\"", "trade_no": "\"T1\"", "trade_status": "\"TRADE_SUCCESS\"",
            "seller_id": "\"2088000000000002\"", "total_amount": "10.21", "biz_entity_id": "\"R|C|H\"",
            "biz_type": "\"00\"", "gmt_payment": "\"2014-11-27 15:45:57\"",
            "fund_bill_list": "[{\"fund_channel\":\"ALIPAYACCOUNT\",\"amount\":10.21}]",
            "assoc_bill_details":
                "[{\"bill_entry_id\":\"B1\",\"bill_entry_amount\":10.21,\"cost_type\":\"F\",\"acct_period\":\"P\"}]",
        ]
        for (name, value) in changes { members.updateValue(value, forKey: name) }
        let written = members.compactMap { name, value in value.map { "\"\(name)\":\($0)" } }.sorted()
        return "{\(written.joined(separator: ","))}"
    }
}
