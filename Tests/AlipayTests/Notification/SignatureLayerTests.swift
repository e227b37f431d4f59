import Alipay
import Foundation
import Testing
import Wire

/// Messages whose form is right and whose signature is not, or not enough.
@Suite struct SignatureLayerTests {
    @Test func `a good message is accepted`() throws {
        let notification = try NotificationVerifier.test().accept(SignedMessage().body())
        #expect(notification.flags.isEmpty)
        #expect(notification.totalAmount == "20.50" && notification.queryToken == nil && notification["sign"] == nil)
        #expect(try notification.signedContent == SignedMessage().content)
    }

    @Test(arguments: ["", " ", "\t", "  \r\n"])
    func `an empty sign is missing`(sign: String) throws {
        let refusal = try NotificationVerifier.test().refusal(SignedMessage().body(sign: sign))
        #expect(refusal?.cause == .missingSign)
        #expect(refusal?.status == 401)
    }

    @Test func `no sign is missing, and neither sign nor sign_type as well`() throws {
        let verifier = try NotificationVerifier.test()
        #expect(verifier.refusal(FormBody.encode(SignedMessage().parameters))?.cause == .missingSign)
        #expect(verifier.refusal(Array("a=b".utf8))?.cause == .missingSign)
    }

    @Test func `a sign that is not Base64 of a signature's length is refused`() throws {
        let verifier = try NotificationVerifier.test()
        let message = SignedMessage()
        let signature = try VectorKeys.shared.get().alipay.privateKey.sign(message.content, with: .rsa2)
        let text = Base64.encode(signature)
        let spellings: [(String, NotificationRejection.Cause)] = [
            ("!!!!", .malformedSign), ("AAA", .malformedSign), (String(text.dropLast()), .malformedSign),
            (text + "=", .malformedSign), (text + "\n", .malformedSign), ("%" + text, .malformedSign),
            (String(text.dropLast(2)) + "--", .malformedSign), (Digest.hex(signature), .badSignature),
            (Base64.encode(signature.dropLast()), .badSignature), (Base64.encode(signature + [0]), .badSignature),
            (Base64.encode([0] + signature), .badSignature), (Base64.encode(signature.prefix(127)), .badSignature),
            (Base64.encode(signature.prefix(128)), .badSignature),
            (Base64.encode(signature.prefix(129)), .badSignature),
            (Base64.encode([UInt8](repeating: 0, count: 256)), .badSignature),
            (Base64.encode([UInt8](repeating: 255, count: 256)), .badSignature),
            (Base64.encode([UInt8](repeating: 7, count: 16 * 1024)), .badSignature),
            (Base64.encode(signature.reversed()), .badSignature),
        ]
        for (number, (sign, cause)) in spellings.enumerated() {
            let refusal = verifier.refusal(message.body(sign: sign))
            #expect(refusal?.cause == cause, "spelling \(number)")
            #expect(refusal?.status == 401)
        }
        // Base64 for URLs, made sure to differ from the standard one.
        let urls = text.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        #expect(urls != text && verifier.refusal(message.body(sign: urls))?.cause == .malformedSign)
        #expect(verifier.refusal(message.body(sign: text)) == nil)
    }

    @Test func `a lost plus is repaired in sign alone`() throws {
        let verifier = try NotificationVerifier.test()
        // A signature with a plus in it: the message is varied until it has one.
        let messages = (0..<50).map { SignedMessage.text(["subject": "a+b \($0)"]) }
        let key = try VectorKeys.shared.get().alipay.privateKey
        let message = try #require(
            messages.first { try Base64.encode(key.sign($0.content, with: .rsa2)).contains("+") })
        let sign = try Base64.encode(key.sign(message.content, with: .rsa2))
        let repaired = try verifier.accept(message.body(sign: sign.replacingOccurrences(of: "+", with: " ")))
        #expect(repaired.flags == [.plusAsSpace])
        #expect(repaired["subject"]?.hasPrefix("a+b ") == true)
        var lost = message
        lost.parameters = message.parameters.map { ($0.name, $0.value.map { $0 == UInt8(ascii: "+") ? 0x20 : $0 }) }
        #expect(verifier.refusal(lost.body(sign: sign))?.cause == .badSignature)
    }

    @Test(arguments: ["N01", "N03", "N04"])
    func `one flipped bit in any byte of any name or value is refused`(id: String) throws {
        let vector = try #require(NotificationVector.all.first { $0.id == id })
        let verifier = try vector.verifier()
        let parameters = try FormBody(parsing: Array(vector.body.utf8)).parameters
        #expect(verifier.refusal(FormBody.encode(parameters)) == nil)
        var tried = 0
        var accepted: [String] = []
        func attempt(_ index: Int, _ change: (inout SignedMessage.Parameter) -> Void) {
            var changed = parameters
            change(&changed[index])
            tried += 1
            if verifier.refusal(FormBody.encode(changed)) == nil {
                accepted.append(String(decoding: parameters[index].name, as: UTF8.self))
            }
        }
        for index in parameters.indices {
            for byte in parameters[index].name.indices {
                attempt(index) { $0.name[byte] ^= 1 << UInt8((byte + index) % 8) }
            }
            for byte in parameters[index].value.indices {
                attempt(index) { $0.value[byte] ^= 1 << UInt8((byte + index) % 8) }
            }
        }
        #expect(accepted.isEmpty)
        #expect(tried > 850)
    }

    @Test(arguments: ["trade_no", "total_amount", "charset", "sign_type", "sign", "body"])
    func `a message without one of its parameters is refused`(name: String) throws {
        let verifier = try NotificationVerifier.test()
        let parameters = try FormBody(parsing: SignedMessage().body()).parameters
        let rest = parameters.filter { $0.name != Array(name.utf8) }
        #expect(rest.count == parameters.count - 1)
        #expect(verifier.refusal(FormBody.encode(rest))?.status == 401)
    }

    @Test func `the order in which parameters arrive does not matter`() throws {
        let parameters = try FormBody(parsing: SignedMessage().body()).parameters
        let verifier = try NotificationVerifier.test()
        let forward = try verifier.accept(FormBody.encode(parameters))
        let backward = try verifier.accept(FormBody.encode(parameters.reversed()))
        #expect(forward.digest == backward.digest && forward.signedContent == backward.signedContent)
    }

    @Test(arguments: [CanonicalForm.v1, .v2])
    func `a weaker algorithm is refused though its signature is right`(form: CanonicalForm) throws {
        var message = SignedMessage.text(["sign_type": "RSA"])
        message.form = form
        message.algorithm = .rsa
        let body = try message.body()
        let profile: NotificationProfile = form == .v1 ? .trade : .cplife
        #expect(try NotificationVerifier.test(profile).refusal(body)?.cause == .algorithmNotAllowed)
        #expect(try NotificationVerifier.test(profile, algorithms: [.rsa, .rsa2]).accept(body).algorithm == .rsa)
        // Under V1 sign_type is not signed, and still no other hash is tried.
        message.parameters = SignedMessage().parameters
        #expect(
            try NotificationVerifier.test(profile, algorithms: [.rsa, .rsa2]).refusal(message.body())?.cause
                == .badSignature)
    }

    @Test(arguments: [
        "MD5", "HMAC", "none", "SM2", "RSA3", "rsa2", "Rsa2", "rsa", "RSA2 ", " RSA2", "RSA2\0", "RSA2,RSA", "RSA256",
        "RSA1",
        "", "\u{FF32}SA2",
    ])
    func `any other sign_type is refused before the signature is looked at`(name: String) throws {
        let verifier = try NotificationVerifier.test(.auto, algorithms: [.rsa, .rsa2])
        let message = SignedMessage.text(["sign_type": name])
        #expect(try verifier.refusal(message.body())?.cause == .algorithmNotAllowed)
        #expect(verifier.refusal(message.body(sign: ""))?.cause == .algorithmNotAllowed)
    }

    @Test func `an absent sign_type is refused`() throws {
        let refusal = try NotificationVerifier.test(.auto).refusal(SignedMessage(without: ["sign_type"]).body())
        #expect(refusal?.cause == .algorithmNotAllowed)
        #expect(refusal?.status == 401)
    }

    @Test(arguments: [(CanonicalForm.v1, NotificationProfile.cplife), (.v2, .trade)])
    func `the other form is refused`(form: CanonicalForm, profile: NotificationProfile) throws {
        var message = SignedMessage()
        message.form = form
        #expect(try NotificationVerifier.test(profile).refusal(message.body())?.cause == .badSignature)
        #expect(try NotificationVerifier.test(.auto).accept(message.body()).canonicalForm == form)
    }

    @Test func `another key's signature is refused, and two keys serve while they are changed`() throws {
        let keys = try VectorKeys.shared.get()
        let (old, new) = (keys.alipay, keys.app)
        let byOld = try SignedMessage().body(signedBy: old.privateKey)
        let byNew = try SignedMessage().body(signedBy: new.privateKey)
        let both = try NotificationVerifier.test(keys: [new.publicKey, old.publicKey])
        #expect(try both.accept(byOld).keyFingerprint == old.publicKey.fingerprint)
        #expect(try both.accept(byNew).keyFingerprint == new.publicKey.fingerprint)
        let after = try NotificationVerifier.test(keys: [new.publicKey])
        #expect(after.refusal(byOld)?.cause == .badSignature)
        #expect(after.refusal(byNew) == nil)
        #expect(try NotificationVerifier.test(keys: []).refusal(byOld)?.cause == .badSignature)
        let short = try PublicKey(text: keys.legacy.publicSPKI, allowsLegacySize: true)
        #expect(try NotificationVerifier.test(keys: [short]).refusal(byOld)?.message.contains("128") == true)
    }

    @Test func `empty parameters that nobody signed are refused, or absent under the fallback`() throws {
        let body = try SignedMessage().body()
        let appended = body + Array("&query_token=&x=%20%09".utf8)
        #expect(try NotificationVerifier.test().refusal(appended)?.cause == .badSignature)
        let lenient = try NotificationVerifier.test(dropsEmptyValues: true)
        let notification = try lenient.accept(appended)
        #expect(notification.flags == [.unsignedEmpty])
        #expect(notification["query_token"] == nil && notification["x"] == nil)
        #expect(notification.parameters.count == SignedMessage().parameters.count)
        #expect(try notification.digest == lenient.accept(body).digest)
        #expect(lenient.refusal(body + Array("&x=1".utf8))?.cause == .badSignature)
        // What is signed with its empties keeps them, fallback or not.
        let signed = try lenient.accept(SignedMessage.text(["query_token": "", "x": " "]).body())
        #expect(signed.flags.isEmpty && signed["query_token"] == "" && signed["x"] == " " && signed.queryToken == nil)
    }

    @Test func `a value that could be split into parameters is accepted and flagged`() throws {
        let verifier = try NotificationVerifier.test()
        let joined = SignedMessage.text(["remark": "x&seller_id=2088999999999999"], without: ["seller_id"])
        let split = SignedMessage.text(["remark": "x", "seller_id": "2088999999999999"])
        #expect(try joined.content == split.content)
        let first = try verifier.accept(joined.body())
        let second = try verifier.accept(split.body())
        #expect(first.flags == [.ambiguousCanonical] && first.sellerID == nil)
        #expect(second.flags.isEmpty && second.sellerID == "2088999999999999")
        #expect(first.digest != second.digest)
        for (value, flags) in [
            ("a=1&b=2", []), ("a&b", []), ("&", []), ("R&D", []), ("x&own=1", [NotificationFlag.ambiguousCanonical]),
            ("a&&trade_no=1", [.ambiguousCanonical]), ("x&trade_no", []), ("x&sign=AAAA", [.ambiguousCanonical]),
        ] {
            let notification = try verifier.accept(SignedMessage.text(["remark": value, "own": "1"]).body())
            #expect(notification.flags == Set(flags), "\(value)")
        }
    }

    @Test func `unknown signed parameters are kept`() throws {
        let extra = ["_request_path": "https://pay.example.com/n", "voucher_new": "[]", "\u{4E2D}": "文"]
        let notification = try NotificationVerifier.test().accept(SignedMessage.text(extra).body())
        for (name, value) in extra { #expect(notification[name] == value) }
        #expect(notification.requestPath == "https://pay.example.com/n")
    }

    @Test func `names sort by bytes, not by UTF-16 and not by letters`() throws {
        // In UTF-16 the emoji (D83D …) would come before the fullwidth tilde (FF5E); in bytes it comes after (F0 > EF).
        let names = ["B", "Z", "_a", "a", "a_b", "ab", "b", "\u{E9}", "\u{FF5E}", "\u{1F600}"]
        let body = FormBody.encode(names.reversed().map { (name: Array($0.utf8), value: [0x31]) })
        let content = try CanonicalForm.v2.signedContent(of: FormBody(parsing: body))
        #expect(String(decoding: content, as: UTF8.self) == names.map { "\($0)=1" }.joined(separator: "&"))
        let gbk = try FormBody(parsing: Array("%FF=1&%80=2&z=3&%E9%46=4&%E9=5".utf8))
        #expect(
            CanonicalForm.v1.signedContent(of: gbk) == Array("z=3&".utf8) + [0x80] + Array("=2&".utf8) + [0xE9]
                + Array("=5&".utf8) + [0xE9, 0x46] + Array("=4&".utf8) + [0xFF] + Array("=1".utf8))
    }

    @Test func `a refusal says nothing that the sender wrote`() throws {
        let secret = "13800138000"
        let verifier = try NotificationVerifier.test()
        let spoiled = [
            "\(secret)=1&\(secret)=2", "\(secret)", "\(secret)=%zz", "\(secret)%26=1",
            "x=1&sign=\(secret)&sign_type=RSA2",
            "sign_type=\(secret)&sign=AAAA", "sign_type=RSA2&sign=AAAA&buyer=\(secret)",
            String(repeating: secret, count: 30) + "=1", "a\r\n\(secret)=1&a\r\n\(secret)=2",
        ]
        for body in spoiled {
            let refusal = try #require(verifier.refusal(Array(body.utf8)))
            #expect(!refusal.description.contains(secret) && !refusal.description.contains("\n"), "\(body)")
        }
        #expect(
            try verifier.refusal(SignedMessage().body() + Array("&trade_no=1".utf8))?.message
                == "trade_no occurs more than once")
    }
}
