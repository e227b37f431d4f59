import Alipay
import Foundation
import Testing

@Suite struct AcknowledgementTests {
    private struct Vector: Decodable {
        let id: String
        let sign_type: String?
        let content_type: String
        let body: String?
        let body_php_style: String?
    }
    private struct File: Decodable { let cases: [Vector] }

    @Test func `every acknowledgement of acks.json is made byte for byte`() throws {
        let cases = try JSONDecoder().decode(File.self, from: VectorFile.read("acks")).cases
        #expect(cases.map(\.id) == ["ACK-RSA2", "ACK-RSA", "ACK-TRADE"])
        let key = try VectorKeys.shared.get().app.privateKey
        for vector in cases {
            let made: Acknowledgement
            if let name = vector.sign_type {
                made = try Acknowledgement(
                    style: .signedXML, key: key, algorithm: #require(SignatureAlgorithm(rawValue: name)))
                #expect(String(decoding: made.body, as: UTF8.self) == vector.body_php_style)
            } else {
                made = try Acknowledgement(style: .success)
                #expect(String(decoding: made.body, as: UTF8.self) == vector.body)
                #expect(made.body.count == 7)
            }
            #expect(made.contentType == vector.content_type)
        }
        print("acks.json: \(cases.count) cases")
    }

    @Test func `the plain form is the JSON alone`() throws {
        let made = try Acknowledgement(style: .plainJSON)
        #expect(made.contentType == "application/json")
        #expect(made.body == Array(#"{"econotify":"success"}"#.utf8))
    }

    @Test func `the signed form without a key is refused, and says which setting is missing`() {
        let error = #expect(throws: KeyError.self) { try Acknowledgement(style: .signedXML) }
        #expect(error?.code == .missing)
        #expect(error?.message.contains("private_key_file") == true)
    }

    @Test func `a refusal acknowledges nothing`() {
        #expect(Acknowledgement.refusal.body == Array("fail".utf8))
        #expect(AcknowledgementStyle.allCases.map(\.rawValue) == ["signed-xml", "plain-json", "success"])
    }
}
