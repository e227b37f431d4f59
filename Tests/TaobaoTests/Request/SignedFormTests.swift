import Testing

@testable import Taobao

@Suite struct SignedFormTests {
    @Test func `all six requests are there, each with three methods`() throws {
        let cases = try VectorFile.requests.get()
        print("top_requests.json: \(cases.count) cases")
        #expect(cases.count == 6)
        #expect(cases.allSatisfy { Set($0.methods.keys) == Set(SignMethod.allCases.map(\.rawValue)) })
    }

    @Test(arguments: try VectorFile.requests.get(), SignMethod.allCases)
    func `a request is signed and written byte for byte`(vector: RequestCase, method: SignMethod) throws {
        let expected = try #require(vector.methods[method.rawValue])
        let form = try SignedForm(vector.params_without_sign_method, method: method, secret: vector.app_secret)
        // In the vectors the text of md5 has the secret around it.
        let around = method == .md5 ? vector.app_secret : ""
        #expect(around + String(decoding: form.stringToSign, as: UTF8.self) + around == expected.string_to_sign)
        #expect(form.signature == expected.sign)
        #expect(String(decoding: form.body, as: UTF8.self) == expected.form_body)
    }

    @Test func `what is signed changes with the secret, the method and every parameter`() throws {
        let parameters = ["a": "1", "b": "2"]
        let signs = try [
            SignedForm(parameters, method: .hmac, secret: "s").signature,
            SignedForm(parameters, method: .hmac, secret: "t").signature,
            SignedForm(parameters, method: .md5, secret: "s").signature,
            SignedForm(["a": "1", "b": "3"], method: .hmac, secret: "s").signature,
            SignedForm(["a": "1", "B": "2"], method: .hmac, secret: "s").signature,
        ]
        #expect(Set(signs).count == signs.count)
    }
}
