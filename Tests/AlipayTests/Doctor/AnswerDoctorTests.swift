import Testing
import Wire

@testable import Alipay

@Suite("What the doctor says of a spoiled answer", .longWork) struct AnswerDoctorTests {
    private static func doctor(_ vector: ResponseCase) throws -> AnswerDoctor {
        let keys = try VectorKeys.shared.get()
        return AnswerDoctor(
            method: vector.method,
            keys: [
                DoctorKey(.alipay, try #require(keys[vector.verifyKey]).publicKey, name: "Alipay's"),
                DoctorKey(.own, try keys.app.publicKey, name: "ours"),
                DoctorKey(.otherApp, try keys.legacy.publicKey, name: "another app's"),
            ],
            algorithm: try #require(SignatureAlgorithm(rawValue: vector.signType)),
            charset: try #require(Charset(label: vector.requestCharset)),
            contentKey: try vector.contentKeyName.map { try GatewayVectors.contentKey($0) })
    }

    @Test func `the answers of the vectors are judged as they say`() throws {
        for vector in try GatewayVectors.responses.get() {
            let diagnosis = try Self.doctor(vector).diagnose(body: vector.body)
            switch vector.expect {
            case "valid", "valid:business-error", "valid:gateway-error":
                #expect(diagnosis.verdict == .verified, "\(vector.id): \(diagnosis.names)")
                #expect(diagnosis.signer?.name == "Alipay's", "\(vector.id)")
            case "unsigned-error":
                #expect(diagnosis.verdict == .nothingVerifies, "\(vector.id)")
                #expect(diagnosis.refusal?.cause == "unsigned_failure", "\(vector.id)")
            case "reject:missing-sign":
                #expect(diagnosis.verdict == .nothingVerifies, "\(vector.id)")
                #expect(diagnosis.notes.contains { $0.contains("no sign") }, "\(vector.id)")
            case "reject:duplicate-node":
                #expect(diagnosis.names == ["refused_duplicate_node"], "\(vector.id)")
            case "reject:wrong-node":
                #expect(diagnosis.names == ["wrong_node"], "\(vector.id)")
                #expect(diagnosis.findings.first?.places == ["alipay_trade_query_response"])
            case "reject:bad-signature":
                #expect(diagnosis.verdict == .nothingVerifies, "\(vector.id)")
                #expect(diagnosis.signer?.owner == .alipay && diagnosis.attempts > 0)
            default: Issue.record("\(vector.expect) is no expectation that is known")
            }
        }
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let id: String
        let names: [String]
        let testDescription: String
        let spoil: @Sendable ([UInt8]) throws -> [UInt8]

        init(_ id: String, _ names: [String], _ what: String, _ spoil: @escaping @Sendable ([UInt8]) throws -> [UInt8])
        {
            self.id = id
            self.names = names
            testDescription = "\(id): \(what)"
            self.spoil = spoil
        }

        static func text(
            _ id: String, _ names: [String], _ what: String, _ spoil: @escaping @Sendable (String) -> String
        ) -> Spoiled {
            Spoiled(id, names, what) { Array(spoil(String(decoding: $0, as: UTF8.self)).utf8) }
        }
    }

    static let node = "alipay_eco_cplife_pay_result_query_response"

    /// The whole answer parsed and written again in a style.
    private static func rewritten(_ style: JSONStyle) -> @Sendable ([UInt8]) throws -> [UInt8] {
        { style.bytes(try JSONValue(parsing: $0)) }
    }

    static let table: [Spoiled] = [
        Spoiled("R02", ["answer_rewritten"], "parsed, and written with plain characters", rewritten(JSONStyle())),
        Spoiled(
            "R01", ["answer_rewritten"], "parsed, and written with blanks",
            rewritten(JSONStyle(comma: ", ", colon: ": "))),
        Spoiled(
            "R21", ["answer_rewritten"], "parsed, and written with blanks",
            rewritten(JSONStyle(comma: ", ", colon: ": "))),
        .text("R01", ["answer_rewritten"], "printed with line ends") { $0.replacing(",\"", with: ",\n  \"") },
        .text("R03", ["slashes_unescaped"], "its \\/ become /") { $0.replacing("\\/", with: "/") },
        .text("R01", ["html_escaped"], "escaped for HTML") { $0.replacing("\"", with: "&quot;") },
        .text("R01", ["answer_in_string"], "put into a string") { "\"" + $0.replacing("\"", with: "\\\"") + "\"" },
        .text("R01", ["capture_with_headers"], "captured with headers") { "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n" + $0 },
        Spoiled("R16", ["utf8_of_gbk"], "converted from GBK to UTF-8") {
            Array(try #require(Charset.gbk.decode($0)).utf8)
        },
        .text("R14", ["cipher_quotes_lost"], "its ciphertext loses the quotes") { text in
            text.replacing("_response\":\"", with: "_response\":").replacing("\",\"sign\"", with: ",\"sign\"")
        },
        Spoiled("R14", ["answer_decrypted"], "captured after it was decrypted") { body in
            let key = try GatewayVectors.contentKey("aes128_key_b64")
            let members = try JSONScanner.topLevel(of: body, pairedBytes: false)
            let range = try #require(members.first { $0.key == node }).range
            guard case .string(let cipher) = try JSONScanner.value(of: Array(body[range])) else { return body }
            let plain = try #require(Base64.decode(cipher).flatMap { key.decrypt($0) })
            return Array(body[..<range.lowerBound]) + plain + Array(body[range.upperBound...])
        },
        .text("R01", ["sign_url_safe"], "sign in the alphabet of addresses") { text in
            guard let sign = text.firstRange(of: "\"sign\":\"") else { return text }
            return String(text[..<sign.upperBound])
                + text[sign.upperBound...].replacing("+", with: "-").replacing("/", with: "_")
        },
        .text("R01", ["wrong_node"], "given to another method's node") {
            $0.replacing(node, with: "alipay_trade_query_response")
        },
        .text("R01", ["wrong_node", "html_escaped"], "another method's, escaped for HTML") {
            $0.replacing(node, with: "alipay_trade_query_response").replacing("\"", with: "&quot;")
        },
    ]

    @Test("Each corruption is named", arguments: table)
    func named(spoiled: Spoiled) throws {
        let vector = try GatewayVectors.response(spoiled.id)
        let good = try vector.body
        let body = try spoiled.spoil(good)
        try #require(body != good)
        let diagnosis = try Self.doctor(vector).diagnose(body: body)
        #expect(diagnosis.verdict == .explained)
        #expect(Set(diagnosis.names) == Set(spoiled.names))
    }

    @Test func `numbers that lost their last zero are put right, and the difference shows both texts`() throws {
        let body = try SignedAnswer.body(SignedAnswer.paid(["total_amount": "10.20"]))
        let spoiled = Array(String(decoding: body, as: UTF8.self).replacing("10.20", with: "10.2").utf8)
        let diagnosis = try Self.doctor(GatewayVectors.response("R01")).diagnose(body: spoiled)
        #expect(diagnosis.names == ["answer_rewritten"])
        let lines = try #require(diagnosis.difference?.lines)
        #expect(lines.map(\.side) == [.received, .signed])
        #expect(String(decoding: lines[1].text, as: UTF8.self) == SignedAnswer.paid(["total_amount": "10.20"]))
    }

    @Test func `a ciphertext that was signed without its quotes is named`() throws {
        let vector = try GatewayVectors.response("R14")
        let text = String(decoding: try vector.body, as: UTF8.self)
        let start = try #require(text.firstRange(of: "_response\":\"")).upperBound
        let cipher = text[start...].prefix { $0 != "\"" }
        let key = try VectorKeys.shared.get().alipay.privateKey
        let sign = Base64.encode(try key.sign(Array(cipher.utf8), with: .rsa2))
        let body = "{\"\(Self.node)\":\"\(cipher)\",\"sign\":\"\(sign)\"}"
        #expect(try Self.doctor(vector).diagnose(body: Array(body.utf8)).names == ["cipher_quotes_unsigned"])
    }

    @Test func `slashes that a proxy escaped in another method's answer are named beside it`() throws {
        let content = #"{"code":"10000","url":"https://example.com/a"}"#
        let body = try SignedAnswer.body(content, name: "alipay_trade_query_response")
        let escaped = Array(String(decoding: body, as: UTF8.self).replacing("/a\"", with: "\\/a\"").utf8)
        let diagnosis = try Self.doctor(GatewayVectors.response("R01")).diagnose(body: escaped)
        #expect(diagnosis.names == ["wrong_node", "slashes_escaped"])
    }

    @Test func `the keys are judged as with notifications`() throws {
        let keys = try VectorKeys.shared.get()
        let vector = try GatewayVectors.response("R01")
        let own = AnswerDoctor(
            method: vector.method,
            keys: [
                DoctorKey(.alipay, try keys.app.publicKey, name: "Alipay's"),
                DoctorKey(.own, try keys.app.publicKey, name: "ours"),
            ])
        #expect(try own.diagnose(body: vector.body).names == ["own_key_in_place"])
        let other = AnswerDoctor(
            method: vector.method,
            keys: [
                DoctorKey(.alipay, try keys.app.publicKey, name: "Alipay's"),
                DoctorKey(.otherApp, try keys.alipay.publicKey, name: "another app's"),
            ])
        #expect(try other.diagnose(body: vector.body).names == ["other_apps_key"])
        let weaker = AnswerDoctor(
            method: vector.method, keys: [DoctorKey(.alipay, try keys.alipay.publicKey, name: "Alipay's")],
            algorithm: .rsa)
        #expect(try weaker.diagnose(body: vector.body).names == ["algorithm_not_allowed"])
    }

    @Test func `a gateway that refuses our own signature is explained`() throws {
        let doctor = try Self.doctor(GatewayVectors.response("R01"))
        let unsigned =
            #"{"alipay_eco_cplife_pay_result_query_response":{"code":"40002","sub_code":"isv.invalid-signature"}}"#
        let diagnosis = doctor.diagnose(body: Array(unsigned.utf8))
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(diagnosis.notes.contains { $0.contains("our own signature") })
    }

    @Test(arguments: [
        "", "<html>", "{", "{\"a\":" + String(repeating: "[", count: 300_000),
        "{\"sign\":\"QUFB\"," + (0..<50_000).map { "\"n\($0)\":{}" }.joined(separator: ",") + "}",
        "{\"x_response\":" + String(repeating: "\\/", count: 400_000) + "}", String(repeating: "{", count: 2 << 20),
    ])
    func `what is no answer is said to be none, without much work`(text: String) throws {
        let vector = try GatewayVectors.response("R01")
        let diagnosis = try Self.doctor(vector).diagnose(body: Array(text.utf8))
        #expect(diagnosis.verdict == .nothingVerifies)
        #expect(!diagnosis.notes.isEmpty)
        #expect(diagnosis.attempts < 1000)
    }
}
