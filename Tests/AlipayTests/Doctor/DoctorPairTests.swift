import Testing
import Wire

@testable import Alipay

@Suite("What the doctor says of two corruptions at once", .longWork) struct DoctorPairTests {
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
        let diagnosis = try escaped.diagnose(escaped.body)
        #expect(diagnosis.tried.isEmpty && diagnosis.attempts < 10)
        let difference = try #require(diagnosis.difference)
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
        let stranger = try good.doctor(budget: DoctorBudget(attempts: 2_000, bytes: 16 << 20))
        #expect(stranger.diagnose(body: FormBody.encode(parameters)).verdict == .nothingVerifies)
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

    /// What the vectors have no example of: a value as it was signed, as it arrives, and the name of what happened.
    @Test(arguments: [
        ("subject", "a &lt; b &amp; &quot;c&quot;", "a < b & \"c\"", "html_unescaped"),
        ("subject", "it&#39;s", "it's", "html_unescaped"),
        ("subject", "物业", "鐗╀笟", "read_as_gbk"),
        ("query_token", "a+b c", "a b c", "lost_plus"),
        ("total_amount", "20", "20.00", "amount_rewritten"),
        ("gmt_create", "2026-03-18 22:07:12", "2026-03-18 22:07:12.0", "time_rewritten"),
        ("gmt_create", "2026-03-18 22:07:12", "2026-03-18T22:07:12+08:00", "time_rewritten"),
        ("fund_bill_list", "[{\"a\": \"1\", \"b\": 2}]", "[{\"a\":\"1\",\"b\":2}]", "json_rewritten"),
        ("fund_bill_list", "[\"\\/\"]", "[\"/\"]", "json_rewritten"),
        ("passback_params", "a%20b%2F", "a b/", "decoded_twice"),
        ("passback_params", "a+b%2f", "a b/", "decoded_twice"),
        ("remark", " a", "a", "trimmed"), ("remark", "a\nb", "a\r\nb", "line_ends_changed"),
        ("remark", "", "undefined", "null_text"), ("remark", "a", "\ta", "blanks_added"),
    ])
    func `a value that was changed is put back`(name: String, signed: String, received: String, corruption: String)
        throws
    {
        let message = SignedMessage.text([name: signed])
        let parameters = try FormBody(parsing: message.body()).parameters.map { parameter in
            (
                name: parameter.name,
                value: parameter.name.elementsEqual(name.utf8) ? Array(received.utf8) : parameter.value
            )
        }
        let doctor = NotificationDoctor(verifier: try .test(), keys: try DoctorCase.named("N01").keys())
        let diagnosis = doctor.diagnose(body: FormBody.encode(parameters))
        #expect(diagnosis.names == [corruption])
        #expect(diagnosis.findings.first?.places.contains(name) == true)
        let signedLine = diagnosis.difference?.lines.first { $0.side == .signed && $0.name == name }
        #expect(signedLine?.text == Array("\(name)=\(signed)".utf8))
    }

    @Test func `empty parameters that a framework added are told from the one that was sent`() throws {
        let message = SignedMessage.text(["refund_fee": ""])
        let added = ["subject", "version", "biz_type"].map { (name: Array($0.utf8), value: [UInt8]()) }
        let body = FormBody.encode(try FormBody(parsing: message.body()).parameters + added)
        let diagnosis = NotificationDoctor(verifier: try .test(), keys: try DoctorCase.named("N01").keys())
            .diagnose(body: body)
        #expect(diagnosis.names == ["empty_added"])
        #expect(diagnosis.findings.first?.places == ["biz_type", "subject", "version"])
    }
}
