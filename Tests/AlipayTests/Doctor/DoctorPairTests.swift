import Testing
import Wire

@testable import Alipay

@Suite("What the doctor says of two corruptions at once") struct DoctorPairTests {
    private static func spoil(_ text: String, _ change: (String) -> String) -> String { change(text) }

    @Test func `GBK converted to UTF-8 by a proxy that rewrote charset too`() throws {
        let good = try DoctorCase.named("N03")
        let parameters = try FormBody(parsing: good.body).parameters.map { name, value in
            (
                name: name,
                value: name.elementsEqual("charset".utf8)
                    ? Array("UTF-8".utf8) : Charset.gbk.decode(value).map { Array($0.utf8) } ?? value
            )
        }
        let diagnosis = try good.diagnose(FormBody.encode(parameters))
        #expect(Set(diagnosis.names) == ["charset_changed", "utf8_of_gbk"])
    }

    @Test(arguments: ["N01", "N04", "N06", "N16"])
    func `HTML references and a merged query string`(id: String) throws {
        let good = try DoctorCase.named(id)
        var parameters = try FormBody(parsing: good.body).parameters
        for index in parameters.indices {
            parameters[index].value = HTMLText.escaped(parameters[index].value, apostrophe: nil)
        }
        parameters.append((Array("tenant".utf8), Array("7".utf8)))
        let diagnosis = try good.diagnose(FormBody.encode(parameters))
        #expect(Set(diagnosis.names) == ["html_escaped", "parameter_added"])
        #expect(diagnosis.findings.first { $0.corruption == .parameterAdded }?.places == ["tenant"])
    }

    @Test func `the other form and HTML references`() throws {
        let good = try DoctorCase.named("N04")
        let verifier = try good.vector.verifier(profile: .cplife)
        let body = Array(good.vector.body.replacing("%22", with: "%26%2334%3B").utf8)
        let diagnosis = try good.doctor(verifier).diagnose(body: body)
        #expect(diagnosis.names == ["html_escaped", "signed_v1"])
    }

    @Test func `a capture with a line end of a message that was encoded twice`() throws {
        let good = try DoctorCase.named("N01")
        let body = Array((good.vector.body.replacing("%", with: "%25") + "\n").utf8)
        let diagnosis = try good.diagnose(body)
        #expect(diagnosis.names == ["capture_edges", "encoded_twice"] || diagnosis.names == ["encoded_twice"])
    }

    @Test func `the difference shows what was put back and counts what is the same`() throws {
        // N15: quotes were escaped for HTML.
        let escaped = try DoctorCase.named("N15")
        let difference = try #require(try escaped.diagnose(escaped.body).difference)
        #expect(difference.lines.map(\.side) == [.received, .signed])
        #expect(difference.lines.allSatisfy { $0.name == "fund_bill_list" })
        #expect(difference.lines[0].text.starts(with: "fund_bill_list=[{&quot;amount&quot;".utf8))
        #expect(difference.lines[1].text.starts(with: "fund_bill_list=[{\"amount\"".utf8))
        #expect(difference.equal == 22)
    }

    @Test func `a removed parameter that the installation knows is put back`() throws {
        let good = try DoctorCase.named("N04")
        let parameters = try FormBody(parsing: good.body).parameters.filter { !$0.name.elementsEqual("app_id".utf8) }
        let facts = DoctorFacts(values: ["app_id": ["2021000000000009", "2021000000000001"]])
        let diagnosis = try good.doctor(facts: facts).diagnose(body: FormBody.encode(parameters))
        #expect(diagnosis.names == ["parameter_removed"])
        #expect(diagnosis.findings.first?.places == ["app_id"])
        #expect(try good.doctor().diagnose(body: FormBody.encode(parameters)).verdict == .nothingVerifies)
    }

    @Test func `values that were decoded twice are encoded again`() throws {
        // N17: a value that looks percent-encoded itself.
        let good = try DoctorCase.named("N17")
        let parameters = try FormBody(parsing: good.body).parameters.map { name, value in
            (name: name, value: name.elementsEqual("sign".utf8) ? value : PercentText.decoded(value))
        }
        let diagnosis = try good.diagnose(FormBody.encode(parameters))
        #expect(diagnosis.names == ["decoded_twice"])
        #expect(diagnosis.findings.first?.places == ["passback_params"])
    }

    @Test func `an empty value that became the word null, or went away, or came`() throws {
        // N06: an empty value that is signed.
        let good = try DoctorCase.named("N06")
        let parameters = try FormBody(parsing: good.body).parameters
        #expect(parameters.contains { $0.value.isEmpty })
        let null = parameters.map { (name: $0.name, value: $0.value.isEmpty ? Array("null".utf8) : $0.value) }
        #expect(try good.diagnose(FormBody.encode(null)).names == ["null_text"])
        let added = try good.diagnose(FormBody.encode(parameters + [(Array("biz_type".utf8), [])]))
        #expect(added.names == ["parameter_added"])
        let message = SignedMessage.text(["refund_fee": ""])
        let left = try FormBody(parsing: message.body()).parameters.filter { !$0.value.isEmpty }
        let doctor = NotificationDoctor(verifier: try .test(), keys: try good.keys())
        #expect(doctor.diagnose(body: FormBody.encode(left)).names == ["parameter_removed"])
    }
}
