import Testing
import Wire

@testable import Alipay

@Suite("What the doctor says of keys, algorithms and forms", .longWork) struct DoctorKeyTests {
    private static let usual = SignedMessage.text(["fund_bill_list": "[{\"amount\":\"20.50\"}]"])

    private static func diagnose(
        _ body: [UInt8], _ verifier: NotificationVerifier, _ keys: [DoctorKey]
    ) -> Diagnosis {
        NotificationDoctor(verifier: verifier, keys: keys).diagnose(body: body)
    }

    private struct Keys {
        let alipay: PrivateKey
        let app: PrivateKey
        let stranger: PrivateKey
        init() throws {
            alipay = try VectorKeys.shared.get().alipay.privateKey
            app = try VectorKeys.shared.get().app.privateKey
            stranger = try VectorKeys.shared.get().legacy.privateKey
        }
        var all: [DoctorKey] {
            [
                DoctorKey(.alipay, alipay.publicKey, name: "Alipay's"), DoctorKey(.own, app.publicKey, name: "ours"),
                DoctorKey(.otherApp, stranger.publicKey, name: "another app's"),
            ]
        }
    }

    @Test func `our own key as the signer is named`() throws {
        let keys = try Keys()
        let diagnosis = Self.diagnose(try Self.usual.body(signedBy: keys.app), try .test(), keys.all)
        #expect(diagnosis.verdict == .explained)
        #expect(diagnosis.names == ["signed_by_own_key"])
        #expect(diagnosis.signer?.name == "ours")
        #expect(diagnosis.difference == nil)
    }

    @Test func `another app's key is named, also when the content was spoiled besides`() throws {
        let keys = try Keys()
        let good = try Self.usual.body(signedBy: keys.stranger)
        #expect(Self.diagnose(good, try .test(), keys.all).names == ["other_apps_key"])
        let spoiled = Array(String(decoding: good, as: UTF8.self).replacing("%22", with: "%26quot%3B").utf8)
        let both = Self.diagnose(spoiled, try .test(), keys.all)
        #expect(both.names == ["other_apps_key", "html_escaped"])
    }

    @Test func `a key that two apps share is this app's`() throws {
        let key = try Keys().alipay.publicKey
        let keys = [DoctorKey(.otherApp, key, name: "another app's"), DoctorKey(.alipay, key, name: "Alipay's")]
        let good = try Self.usual.body()
        #expect(Self.diagnose(good, try .test(), keys).signer?.name == "Alipay's")
        let spoiled = Array(String(decoding: good, as: UTF8.self).replacing("%22", with: "%26quot%3B").utf8)
        #expect(Self.diagnose(spoiled, try .test(), keys).names == ["html_escaped"])
    }

    @Test func `our own public key in the place of Alipay's is found although nothing can be verified with it`() throws
    {
        let keys = try Keys()
        let own = keys.app.publicKey
        let diagnosis = Self.diagnose(
            try Self.usual.body(), try .test(keys: [own]),
            [DoctorKey(.alipay, own, name: "Alipay's"), DoctorKey(.own, own, name: "ours")])
        #expect(diagnosis.names == ["own_key_in_place"])
        #expect(diagnosis.verdict == .explained)
        #expect(diagnosis.signer == nil && diagnosis.attempts == 0)
        // A message of our own making verifies then, and is no reason to be content.
        let accepted = Self.diagnose(
            try Self.usual.body(signedBy: keys.app), try .test(keys: [own]),
            [DoctorKey(.alipay, own, name: "Alipay's"), DoctorKey(.own, own, name: "ours")])
        #expect(accepted.names == ["own_key_in_place"] && accepted.refusal == nil)
    }

    @Test func `a key that nobody knows leads to no search, and its size is told`() throws {
        let keys = try Keys()
        let body = try Self.usual.body(signedBy: keys.stranger)
        let diagnosis = Self.diagnose(body, try .test(), Array(keys.all.prefix(2)))
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(diagnosis.attempts == 0)
        #expect(diagnosis.tried == ["Alipay's (2048 bits)", "ours (2048 bits)"])
        #expect(diagnosis.notes.contains { $0.contains("1024 bits") })
    }

    @Test(arguments: [(CanonicalForm.v1, NotificationProfile.cplife, "signed_v1"), (.v2, .trade, "signed_v2")])
    func `the other form is named, and sign_type is what differs`(
        form: CanonicalForm, profile: NotificationProfile, name: String
    ) throws {
        var message = Self.usual
        message.form = form
        let diagnosis = Self.diagnose(try message.body(), try .test(profile), try Keys().all)
        #expect(diagnosis.names == [name])
        #expect(diagnosis.form == form)
        let line = try #require(diagnosis.difference?.lines.first)
        #expect(diagnosis.difference?.lines.count == 1)
        #expect(line.text == Array("sign_type=RSA2".utf8))
        #expect(line.side == (form == .v1 ? .received : .signed))
    }

    @Test func `SHA-1 where SHA-256 is allowed alone is named`() throws {
        var message = SignedMessage.text(["sign_type": "RSA"])
        message.algorithm = .rsa
        let diagnosis = Self.diagnose(try message.body(), try .test(), try Keys().all)
        #expect(diagnosis.names == ["algorithm_not_allowed"])
        #expect(diagnosis.algorithm == .rsa)
    }

    @Test(arguments: [CanonicalForm.v1, .v2])
    func `a sign_type that was removed or rewritten is named in both forms`(form: CanonicalForm) throws {
        var message = Self.usual
        message.form = form
        let body = try message.body()
        let rewritten = Array(
            String(decoding: body, as: UTF8.self).replacing("sign_type=RSA2", with: "sign_type=RSA").utf8)
        let profile: NotificationProfile = form == .v1 ? .trade : .cplife
        #expect(Self.diagnose(rewritten, try .test(profile), try Keys().all).names == ["sign_type_changed"])
        let parameters = try FormBody(parsing: body).parameters.filter { !$0.name.elementsEqual("sign_type".utf8) }
        let removed = Self.diagnose(FormBody.encode(parameters), try .test(profile), try Keys().all)
        #expect(removed.names == [form == .v1 ? "sign_type_changed" : "parameter_removed"])
    }

    @Test func `empty values that the sender did not sign are named`() throws {
        let message = SignedMessage.text([:])
        let parameters = message.parameters + [(Array("refund_fee".utf8), [])]
        let sign = Base64.encode(try Keys().alipay.sign(message.content, with: .rsa2))
        let body = FormBody.encode(parameters + [(Array("sign".utf8), Array(sign.utf8))])
        let diagnosis = Self.diagnose(body, try .test(), try Keys().all)
        #expect(diagnosis.names == ["empty_values_unsigned"])
        #expect(diagnosis.findings.first?.places == ["refund_fee"])
        #expect(Self.diagnose(body, try .test(dropsEmptyValues: true), try Keys().all).verdict == .verified)
    }

    @Test func `what is refused before the signature is named with the refusal`() throws {
        let keys = try Keys()
        let good = try Self.usual.body()
        let verifier = try NotificationVerifier.test()
        let doctor = NotificationDoctor(verifier: verifier, keys: keys.all)
        #expect(doctor.diagnose(body: good, contentType: "text/plain").names == ["refused_unsupported_media_type"])
        #expect(doctor.diagnose(body: good + Array("&&".utf8)).names == ["refused_malformed_pair"])
        let tight = NotificationVerifier(
            profile: .cplife, keys: verifier.keys, limits: FormLimits(bytes: 100, parameters: 256, nameBytes: 256))
        let large = NotificationDoctor(verifier: tight, keys: keys.all).diagnose(body: good)
        #expect(large.names == ["refused_body_too_large"])
    }
}
