import Alipay
import Testing

/// Bodies that are no form, or one that two readers could read differently.
@Suite struct FormLayerTests {
    @Test(arguments: [
        "multipart/form-data; boundary=x", "application/json", "text/xml", "text/plain", "", ";",
        "application/x-www-form",
        "application/x-www-form-urlencoded, text/plain", "x; application/x-www-form-urlencoded",
        "application/x-www-form-urlencodedx",
    ])
    func `another Content-Type is refused before anything is parsed`(contentType: String) throws {
        let refusal = try NotificationVerifier.test().refusal(SignedMessage().body(), contentType: contentType)
        #expect(refusal?.cause == .unsupportedMediaType)
        #expect(refusal?.status == 415)
    }

    @Test(arguments: [
        "application/x-www-form-urlencoded", "application/x-www-form-urlencoded;charset=GBK",
        "Application/X-WWW-Form-URLEncoded ; charset=\"utf-8\"; x=y", "\tapplication/x-www-form-urlencoded ",
    ])
    func `a form's Content-Type may have parameters and any case`(contentType: String) throws {
        #expect(try NotificationVerifier.test().refusal(SignedMessage().body(), contentType: contentType) == nil)
    }

    @Test func `a missing Content-Type is refused unless the source accepts it`() throws {
        let body = try SignedMessage().body()
        #expect(try NotificationVerifier.test().refusal(body, contentType: nil)?.status == 415)
        let lenient = NotificationVerifier(
            profile: .cplife, keys: [try VectorKeys.shared.get().alipay.publicKey], acceptsMissingContentType: true)
        #expect(lenient.refusal(body, contentType: nil) == nil)
    }

    @Test(arguments: [
        ("trade_no=A&trade_no=B", NotificationRejection.Cause.duplicateParameter), ("trade_no=A", .duplicateParameter),
        ("sign=AAAA", .duplicateParameter), ("total_amount=20.50", .duplicateParameter),
        ("%74rade_no=B", .duplicateParameter),
        ("a+b=1&a%20b=2", .duplicateParameter), ("=v", .malformedPair), ("=", .malformedPair), ("", .malformedPair),
        ("&x=1", .malformedPair), ("key", .malformedPair), ("x=1&", .malformedPair), ("%", .badEscape),
        ("x=%", .badEscape),
        ("x=%4", .badEscape), ("x=%G1", .badEscape), ("x=%1g", .badEscape), ("x=%u4e2d", .badEscape),
        ("x%=1", .badEscape),
        ("x=%%20", .badEscape), ("x=% 20", .badEscape), ("x=%4&y=1", .badEscape), ("a%26b=1", .ambiguousName),
        ("a%3Db=1", .ambiguousName),
    ])
    func `what is appended to a good message spoils its form`(appended: String, cause: NotificationRejection.Cause)
        throws
    {
        let body = try SignedMessage().body() + Array("&\(appended)".utf8)
        let refusal = try NotificationVerifier.test().refusal(body)
        #expect(refusal?.cause == cause)
        #expect(refusal?.status == 400)
    }

    @Test func `an empty body is refused`() throws {
        #expect(try NotificationVerifier.test().refusal([])?.cause == .emptyBody)
    }

    @Test func `semicolons, brackets, blanks and further equal signs stand for themselves`() throws {
        let odd = ["a[]": "1;b=2", "a[b]": "=", "A;b": " x ", "c d": "a=b=c", "%41": "%41", "x": "+&="]
        let notification = try NotificationVerifier.test().accept(SignedMessage.text(odd).body())
        for (name, value) in odd { #expect(notification[name] == value, "\(name)") }
        let literal = try FormBody(parsing: Array("a[]=1;b=2&c=d=e".utf8))
        #expect(literal.parameters.map { String(decoding: $0.value, as: UTF8.self) } == ["1;b=2", "d=e"])
    }

    @Test func `limits hold exactly`() throws {
        func cause(_ body: String) -> NotificationRejection.Cause? {
            do {
                _ = try FormBody(parsing: Array(body.utf8))
                return nil
            } catch {
                return error.cause
            }
        }
        func parameters(_ count: Int) -> String { (0..<count).map { "p\($0)=" }.joined(separator: "&") }
        func long(_ count: Int) -> String { String(repeating: "a", count: count) }
        #expect(cause(parameters(256)) == nil)
        #expect(cause(parameters(257)) == .tooManyParameters)
        #expect(cause(parameters(10_000)) == .tooManyParameters)
        #expect(cause(long(256) + "=1") == nil)
        #expect(cause(long(257) + "=1") == .parameterTooLong)
        #expect(cause(long(1 << 20) + "=1") == .bodyTooLarge)
        #expect(cause("a=" + long(256 * 1024 - 2)) == nil)
        #expect(cause("a=" + long(256 * 1024 - 1)) == .bodyTooLarge)
        #expect(NotificationRejection.Cause.allCases.count == 13)
    }

    @Test func `a list of 5,000 bill ids is one parameter that fits`() throws {
        let ids = (0..<5000).map { "WY2026031015581300\(10_000 + $0)" }.joined(separator: "|")
        let notification = try NotificationVerifier.test().accept(SignedMessage.text(["det_list": ids]).body())
        #expect(notification.detList == ids)
    }

    @Test func `what is encoded is decoded to the same bytes`() throws {
        let all = (0...255).map(UInt8.init)
        let body = FormBody.encode([(name: Array("all".utf8), value: all), (name: [0xD6, 0x41], value: [])])
        #expect(body.allSatisfy { (0x21...0x7E).contains($0) })
        let form = try FormBody(parsing: body)
        #expect(form.parameters.map(\.name) == [Array("all".utf8), [0xD6, 0x41]])
        #expect(form.value(of: "all").map(Array.init) == all)
        #expect(form.value(of: "ALL") == nil)
    }

    @Test func `lookalike names are parameters of their own`() throws {
        let verifier = try NotificationVerifier.test()
        let lookalikes = [
            "\u{FF53}ign": "x", "sign\0": "x", "Sign": "x", "TRADE_NO": "EVIL", "trade_no ": "EVIL",
            "sign_type\0": "RSA",
        ]
        let notification = try verifier.accept(SignedMessage.text(lookalikes).body())
        #expect(notification.tradeNo == "2026031821001000000000000001")
        for (name, value) in lookalikes { #expect(notification[name] == value) }
        #expect(notification.flags == [.nulInValue])
        for name in ["%EF%BD%93ign", "sign%00", "Sign", "TRADE_NO"] {
            let body = try SignedMessage().body() + Array("&\(name)=x".utf8)
            #expect(verifier.refusal(body)?.cause == .badSignature, "\(name)")
        }
        let renamed = FormBody.encode(SignedMessage().parameters + [(Array("Sign".utf8), Array("AAAA".utf8))])
        #expect(verifier.refusal(renamed)?.cause == .missingSign)
    }
}
