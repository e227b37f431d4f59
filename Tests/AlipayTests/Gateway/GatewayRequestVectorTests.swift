import Foundation
import Testing
import Wire

@testable import Alipay

@Suite struct GatewayRequestVectorTests {
    @Test func `all six requests are there`() throws {
        let count = try GatewayVectors.requests.get().count
        print("openapi_requests.json: \(count) cases")
        #expect(count == 6)
    }

    @Test(arguments: try GatewayVectors.requests.get())
    func `a call is signed and written byte for byte`(vector: RequestCase) throws {
        let parameters = try Self.parameters(of: vector)
        let value = { (name: String) in try #require(parameters[name]) }
        var app = try GatewayVectors.app(
            charset: #require(Charset(label: vector.charset)),
            algorithm: value("sign_type") == "RSA" ? .rsa : .rsa2)
        let certificates = try parameters["app_cert_sn"].map { (app: $0, alipayRoot: try value("alipay_root_cert_sn")) }
        var content = try value("biz_content")
        if parameters["encrypt_type"] == "AES" {
            let key = try GatewayVectors.contentKey("aes128_key_b64")
            app.contentKey = key
            let cipher = try #require(Base64.decode(content))
            let plain = try #require(key.decrypt(cipher))
            content = String(decoding: plain, as: UTF8.self)
            #expect(content == #"{"trade_no":"2017070321001004170201038448"}"#)
        }
        let timestamp = try value("timestamp")
        let time = try #require(ShanghaiTime.parse(timestamp))
        let request = try app.sign(
            GatewayCall(
                method: value("method"), bizContent: content, appAuthToken: parameters["app_auth_token"],
                timestamp: time), naming: certificates)
        #expect(Base64.encode(request.stringToSign) == vector.stringToSignBase64)
        #expect(request.signature == vector.sign)
        #expect(request.url == vector.url)
        #expect(String(decoding: request.body, as: UTF8.self) == vector.body)
        #expect(request.contentType == vector.contentType)
    }

    @Test func `what is blank is neither signed nor sent`() throws {
        let call = GatewayCall(method: "m", bizContent: "{}", appAuthToken: " \t", timestamp: 0)
        let request = try GatewayVectors.app().sign(call)
        #expect(!String(decoding: request.stringToSign, as: UTF8.self).contains("app_auth_token"))
        #expect(String(decoding: request.body, as: UTF8.self) == "biz_content=%7B%7D")
    }

    @Test func `a character that the charset lacks is an error and no question mark`() throws {
        let app = try GatewayVectors.app(charset: .gbk)
        let error = #expect(throws: SigningError.self) {
            try app.sign(GatewayCall(method: "m", bizContent: "{\"a\":\"\u{1F4A9}\"}", timestamp: 0))
        }
        #expect(error?.cause == "unencodable")
    }

    @Test(arguments: [
        (
            PayResultQuery.Subject.tradeNo("2017070321001004170201038448"),
            #"{"trade_no":"2017070321001004170201038448"}"#
        ),
        (.queryToken("2GjV8Z/WuK/GgLdt1Lgd="), #"{"query_token":"2GjV8Z/WuK/GgLdt1Lgd="}"#),
        (.queryToken("a\"b\\c\u{1}\n中"), #"{"query_token":"a\"b\\c\u0001\n中"}"#),
    ])
    func `a query asks for one of the two, as JSON`(subject: PayResultQuery.Subject, json: String) {
        #expect(PayResultQuery(subject).bizContent == json)
    }

    /// The parameters of a vector's string to sign, in its charset. None of their values has `&` in it.
    private static func parameters(of vector: RequestCase) throws -> [String: String] {
        let charset = try #require(Charset(label: vector.charset))
        let bytes = try #require(Base64.decode(vector.stringToSignBase64))
        let text = try #require(charset.decode(bytes))
        return Dictionary(
            uniqueKeysWithValues: text.split(separator: "&").map { pair in
                let halves = pair.split(separator: "=", maxSplits: 1)
                return (String(halves[0]), halves.count > 1 ? String(halves[1]) : "")
            })
    }
}
