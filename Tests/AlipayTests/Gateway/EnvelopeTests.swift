import Testing
import Wire

@testable import Alipay

@Suite struct EnvelopeTests {
    private func open(
        _ body: [UInt8], charset: Charset = .utf8, contentKey: ContentKey? = nil
    ) throws -> Envelope {
        try Envelope.open(
            body, method: PayResultQuery.method, keys: [VectorKeys.shared.get().alipay.publicKey], charset: charset,
            contentKey: contentKey)
    }

    private func cause(_ body: [UInt8], charset: Charset = .utf8, contentKey: ContentKey? = nil) -> String {
        do {
            return "opened, verified: \(try open(body, charset: charset, contentKey: contentKey).verified)"
        } catch let error as EnvelopeError {
            return error.cause.rawValue
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        ("", "empty"),
        (" \r\n\t", "empty"),
        ("<html><body>502</body></html>", "not_json"),
        ("[]", "not_json"),
        ("null", "not_json"),
        ("\"alipay\"", "not_json"),
        ("{}", "wrong_node"),
        (#"{"sign":"AAAA"}"#, "wrong_node"),
        (#"{"alipay_eco_cplife_pay_result_query_response":{"code":"40004""#, "not_json"),
        (#"{"alipay_eco_cplife_pay_result_query_response":{"code":"40004"}}x"#, "not_json"),
        (#"{"alipay_eco_cplife_pay_result_query_response":{"code":"40004"}}{}"#, "not_json"),
        (#"{"alipay_eco_cplife_pay_result_query_response":{"code":"40004",}}"#, "not_json"),
        (#"{"Alipay_eco_cplife_pay_result_query_response":{"code":"40004"}}"#, "wrong_node"),
        (#"{"error_response":{"code":"40004"},"alipay_trade_query_response":{"code":"40004"}}"#, "wrong_node"),
        (#"{"error_response":{"code":"1"},"error_response":{"code":"1"}}"#, "duplicate_node"),
        (#"{"error_response":{"code":"1"},"sign":null,"s\u0069gn":null}"#, "duplicate_node"),
        (#"{"error_response":{"code":"40004","sub_code":"A","sub_code":"B"}}"#, "duplicate_node"),
        (#"{"error_response":{"code":"40004","a":{"b":1,"b":2}}}"#, "duplicate_node"),
        (#"{"error_response":null}"#, "malformed_node"),
        (#"{"error_response":[{"code":"1"}]}"#, "malformed_node"),
        (#"{"error_response":"QUJD"}"#, "missing_sign"),
        (#"{"error_response":{}}"#, "missing_sign"),
        (#"{"error_response":{"code":"10000"}}"#, "missing_sign"),
        (#"{"error_response":{"code":10000}}"#, "missing_sign"),
        (#"{"error_response":{"code":"10000","sub_code":"PAY_INFO_NOT_EXISTING"}}"#, "missing_sign"),
        (#"{"error_response":{"code":"10003"}}"#, "missing_sign"),
        (#"{"error_response":{"msg":"Success","trade_status":"TRADE_SUCCESS"}}"#, "missing_sign"),
        (#"{"error_response":{"code":"40004"},"sign":""}"#, "opened, verified: false"),
        (#"{"error_response":{"code":"40004"},"sign":null}"#, "opened, verified: false"),
        (#"{"error_response":{"code":"40004"},"sign":7}"#, "bad_signature"),
        (#"{"error_response":{"code":"40004"},"sign":{}}"#, "bad_signature"),
        (#"{"error_response":{"code":"40004"},"sign":"AAAA"}"#, "bad_signature"),
        (#"{"error_response":{"code":"40004"},"sign":"not base64"}"#, "bad_signature"),
        (#"{"error_response":{"sub_code":"SYSTEM_ERROR"}}"#, "opened, verified: false"),
    ])
    func `an answer that proves nothing is refused with its cause`(body: String, expected: String) {
        #expect(cause(Array(body.utf8)) == expected)
    }

    @Test func `bytes of no charset are refused`() {
        #expect(
            cause(Array(#"{"error_response":{"code":"1","msg":""#.utf8) + [0xFF, 0xFE] + Array("\"}}".utf8))
                == "not_in_charset")
    }

    @Test func `another app's key, and the other algorithm, do not verify`() throws {
        let body = try SignedAnswer.body(SignedAnswer.paid())
        let keys = try VectorKeys.shared.get()
        #expect(try open(body).isSuccess)
        for (key, algorithm) in [
            (try keys.app.publicKey, SignatureAlgorithm.rsa2), (try keys.alipay.publicKey, .rsa),
        ] {
            let error = #expect(throws: EnvelopeError.self) {
                try Envelope.open(body, method: PayResultQuery.method, keys: [key], algorithm: algorithm)
            }
            #expect(error?.cause == .badSignature)
        }
        #expect(cause(body.map { $0 == UInt8(ascii: "R") ? UInt8(ascii: "r") : $0 }) == "bad_signature")
    }

    @Test func `while a key is being changed, both verify and the answer says which did`() throws {
        let keys = try VectorKeys.shared.get()
        let both = [try keys.app.publicKey, try keys.alipay.publicKey]
        let envelope = try Envelope.open(
            SignedAnswer.body(SignedAnswer.paid()), method: PayResultQuery.method, keys: both)
        #expect(envelope.keyFingerprint == both[1].fingerprint)
    }

    @Test(arguments: [
        (#"{"code":10000,"msg":"Success"}"#, true),
        (#"{"code":"10000","sub_code":""}"#, true),
        (#"{"code":"10000","sub_code":"X"}"#, false),
        (#"{"code":"10003"}"#, false),
        (#"{"msg":"Success"}"#, false),
        (#"{"code":1e4}"#, false),
        (#"{"code":10000.0}"#, false),
        (#"{"code":"10000 "}"#, false),
        (#"{"code":true}"#, false),
    ])
    func `success is code 10000 without sub_code and nothing else`(node: String, success: Bool) throws {
        #expect(try open(SignedAnswer.body(node)).isSuccess == success)
    }

    @Test func `a signed node with an equal key twice is refused, whoever signed it`() throws {
        #expect(
            cause(try SignedAnswer.body(#"{"code":"10000","total_amount":1,"total_amount":2}"#)) == "duplicate_node")
    }

    /// U+8AA0 is D5 5C in GBK, U+7E1D is BF 7D, U+4E02 is 81 40: second bytes `\`, `}` and `@`.
    @Test func `GBK characters whose second byte is a backslash or a brace do not disturb the cut`() throws {
        let node = #"{"code":"10000","msg":"誠","a":"\"誠\"誠","縝":"縝{","url":"a\/b誠"}"#
        let body = try SignedAnswer.body(node, charset: .gbk)
        #expect(body.contains(0x5C) && body.contains(0x7D))
        let envelope = try open(body, charset: .gbk)
        #expect(envelope.isSuccess && envelope.message == "誠")
        #expect(envelope.node["a"]?.text == "\"誠\"誠" && envelope.node["縝"]?.text == "縝{")
        #expect(envelope.node["url"]?.text == "a/b誠")
    }

    @Test func `in GBK an escaped slash is told from a second byte that looks like a backslash`() throws {
        let signed = #"{"code":"10000","msg":"誠/","url":"a/b"}"#
        let genuine = try SignedAnswer.body(signed, charset: .gbk)
        // What a front layer makes of it: `/` in the url escaped, the one behind 誠 too.
        let slash = UInt8(ascii: "/")
        let end = try #require(genuine.firstIndex(of: UInt8(ascii: "}")))
        let escaped = genuine[..<end].flatMap { $0 == slash ? [UInt8(ascii: "\\"), slash] : [$0] } + genuine[end...]
        let envelope = try open(escaped, charset: .gbk)
        #expect(envelope.isSuccess && envelope.message == "誠/" && envelope.node["url"]?.text == "a/b")
    }

    @Test func `a backslash before an escaped backslash is no escaped slash`() throws {
        let envelope = try open(SignedAnswer.body(#"{"code":"10000","msg":"a\\/b"}"#))
        #expect(envelope.message == #"a\/b"#)
        let body = try SignedAnswer.body(#"{"code":"10000","msg":"a\/b"}"#)
        let doubled = String(decoding: body, as: UTF8.self).replacing(#"a\/b"#, with: #"a\\/b"#)
        #expect(cause(Array(doubled.utf8)) == "bad_signature")
    }

    @Test func `a signed success in a charset nobody asked for is no success`() throws {
        let body = try SignedAnswer.body(#"{"code":"10000","msg":"物业费"}"#, charset: .gbk)
        let envelope = try open(body)
        #expect(envelope.verified && envelope.readAsGBK && !envelope.isSuccess)
        #expect(try open(body, charset: .gbk).isSuccess)
    }

    @Test func `an encrypted answer needs the right content key, and a plain one is read in its presence`() throws {
        let key = try ContentKey(text: Base64.encode([UInt8](repeating: 7, count: 16)))
        let cipher = try #require(key.encrypt(Array(SignedAnswer.paid().utf8)))
        let body = try SignedAnswer.body("\"\(Base64.encode(cipher))\"")
        #expect(try open(body, contentKey: key).isSuccess)
        #expect(cause(body) == "not_decryptable")
        // One wrong key in 256 makes a right padding by chance; nobody learns which.
        let others = try (0..<2000).map { number in
            let bytes = [UInt8(number & 255), UInt8(number >> 8)] + [UInt8](repeating: 9, count: 14)
            return try ContentKey(text: Base64.encode(bytes))
        }
        let (opening, closed) = (
            others.filter { $0.decrypt(cipher) != nil }, others.filter { $0.decrypt(cipher) == nil }
        )
        #expect(!opening.isEmpty)
        for other in opening.prefix(5) + closed.prefix(5) {
            #expect(cause(body, contentKey: other) == "not_decryptable")
        }
        #expect(cause(try SignedAnswer.body("\"QUJD\""), contentKey: key) == "not_decryptable")
        #expect(cause(try SignedAnswer.body("\"\""), contentKey: key) == "not_decryptable")
        #expect(try open(SignedAnswer.body(#"{"code":"40002"}"#), contentKey: key).code == "40002")
    }

    @Test func `a ciphertext that was changed is refused by its signature, whatever it would decrypt to`() throws {
        let key = try ContentKey(text: Base64.encode([UInt8](repeating: 7, count: 16)))
        let cipher = try #require(key.encrypt(Array(SignedAnswer.paid().utf8)))
        let body = String(decoding: try SignedAnswer.body("\"\(Base64.encode(cipher))\""), as: UTF8.self)
        for index in cipher.indices.suffix(32) {
            var changed = cipher
            changed[index] ^= 1
            let forged = body.replacing(Base64.encode(cipher), with: Base64.encode(changed))
            #expect(cause(Array(forged.utf8), contentKey: key) == "bad_signature")
        }
    }

    @Test func `content keys are 16, 24 or 32 bytes of Base64 and read back what they wrote`() throws {
        for size in [16, 24, 32] {
            let key = try ContentKey(text: " \(Base64.encode([UInt8](repeating: 1, count: size)))\n")
            for length in [0, 1, 15, 16, 17, 1000] {
                let plain = [UInt8](repeating: 3, count: length)
                let cipher = try #require(key.encrypt(plain))
                #expect(cipher.count == (length / 16 + 1) * 16 && key.decrypt(cipher) == plain)
                #expect(key.decrypt(cipher.dropLast()) == nil)
            }
            #expect(key.decrypt([]) == nil)
        }
        for text in ["", "AAAA", "no key", Base64.encode([UInt8](repeating: 1, count: 17))] {
            #expect(throws: KeyError.self) { try ContentKey(text: text) }
        }
    }
}
