import Alipay
import Foundation
import Testing
import Wire

/// A case of `Vectors/notifications.json`.
struct NotificationVector: Decodable, Sendable, CustomTestStringConvertible {
    let id: String
    let description: String
    let contentType: String
    let body: String
    let decodeCodec: String
    let signType: String
    let canonicalMode: String
    let key: String
    let expectedParams: [String: String]?
    let stringToSign: String?
    let contentDigest: String?
    let expect: String

    enum CodingKeys: String, CodingKey {
        case id, description, body, key, expect
        case contentType = "content_type"
        case decodeCodec = "decode_codec"
        case signType = "sign_type"
        case canonicalMode = "canonical_mode"
        case expectedParams = "expected_params"
        case stringToSign = "string_to_sign"
        case contentDigest = "string_to_sign_sha256_of_charset_bytes"
    }

    var testDescription: String { "\(id) \(description)" }

    static let all: [NotificationVector] = {
        struct File: Decodable { let cases: [NotificationVector] }
        return (try? JSONDecoder().decode(File.self, from: VectorFile.read("notifications")).cases) ?? []
    }()

    /// The verifier that the case asks for: its own form, algorithm, key and fallback.
    func verifier(
        profile: NotificationProfile? = nil, algorithms: Set<SignatureAlgorithm>? = nil, dropsEmptyValues: Bool? = nil
    ) throws -> NotificationVerifier {
        NotificationVerifier(
            profile: profile ?? (canonicalMode == "V2" ? .cplife : .trade),
            algorithms: try algorithms ?? [#require(SignatureAlgorithm(rawValue: signType))],
            keys: [try #require(VectorKeys.shared.get()[key]).publicKey],
            dropsEmptyValues: dropsEmptyValues ?? (expect == "valid-only-with-drop-empty-fallback"))
    }

    /// What the verifier said: nil when it accepted.
    func refusal(by verifier: NotificationVerifier) -> NotificationRejection.Cause? {
        do {
            _ = try verifier.verify(body: Array(body.utf8), contentType: contentType)
            return nil
        } catch {
            return error.cause
        }
    }
}

@Suite struct NotificationVectorTests {
    @Test func `notifications.json has all of its cases`() {
        #expect(NotificationVector.all.count == 21)
        #expect(Set(NotificationVector.all.map(\.id)) == Set((1...21).map { $0 < 10 ? "N0\($0)" : "N\($0)" }))
        print("notifications.json: \(NotificationVector.all.count) cases")
    }

    @Test(arguments: NotificationVector.all)
    func `each case is judged as it says`(vector: NotificationVector) throws {
        let verifier = try vector.verifier()
        switch vector.expect {
        case "valid", "valid-only-with-drop-empty-fallback":
            let notification = try verifier.verify(body: Array(vector.body.utf8), contentType: vector.contentType)
            #expect(notification.canonicalForm.rawValue == vector.canonicalMode)
            #expect(notification.algorithm.rawValue == vector.signType)
            #expect(notification.keyFingerprint == verifier.keys[0].fingerprint)
            #expect(Digest.hex(Digest.sha256(notification.signedContent)) == vector.contentDigest)
            #expect(notification.charset == Charset(label: vector.decodeCodec))
            #expect(notification.charset?.decode(notification.signedContent) == vector.stringToSign)
            let parameters = Dictionary(notification.parameters.map { ($0.name, $0.value) }) { _, _ in "twice" }
            #expect(parameters == present(vector, notification))
            #expect(notification.flags == expectedFlags(vector))
        case "reject:duplicate-parameter":
            #expect(vector.refusal(by: verifier) == .duplicateParameter)
        case "reject:missing-sign":
            #expect(vector.refusal(by: verifier) == .missingSign)
        case "reject:bad-signature" where vector.id == "N14":
            // It names the weaker algorithm: refused as such, and where that is allowed too, because the digest
            // differs.
            #expect(vector.refusal(by: verifier) == .algorithmNotAllowed)
            #expect(try vector.refusal(by: vector.verifier(algorithms: [.rsa, .rsa2])) == .badSignature)
        case "reject:bad-signature":
            #expect(vector.refusal(by: verifier) == .badSignature)
        default:
            Issue.record("\(vector.expect) is no expectation that is known")
        }
    }

    @Test func `every accepted case is accepted by auto, under the same form`() throws {
        for vector in NotificationVector.all where vector.expect == "valid" {
            let notification = try vector.verifier(profile: .auto)
                .verify(body: Array(vector.body.utf8), contentType: vector.contentType)
            #expect(notification.canonicalForm.rawValue == vector.canonicalMode, "\(vector.id)")
        }
    }

    @Test func `every accepted case is refused by the other form's profile`() throws {
        for vector in NotificationVector.all where vector.expect == "valid" {
            let other: NotificationProfile = vector.canonicalMode == "V2" ? .trade : .cplife
            #expect(try vector.refusal(by: vector.verifier(profile: other)) == .badSignature, "\(vector.id)")
        }
    }

    @Test func `the case with dropped empties is refused unless the fallback is on`() throws {
        let vector = try #require(NotificationVector.all.first { $0.id == "N07" })
        #expect(try vector.refusal(by: vector.verifier(dropsEmptyValues: false)) == .badSignature)
        #expect(try vector.refusal(by: vector.verifier(profile: .auto)) == nil)
    }

    /// What the case expects to be received, less `sign` and less what counts as absent.
    private func present(_ vector: NotificationVector, _ notification: Alipay.Notification) -> [String: String]? {
        vector.expectedParams?.filter { name, value in
            guard name != "sign" else { return false }
            return !notification.flags.contains(.unsignedEmpty)
                || !value.allSatisfy { $0 == " " || $0 == "\t" }
        }
    }

    private func expectedFlags(_ vector: NotificationVector) -> Set<NotificationFlag> {
        switch vector.id {
        case "N07": [.unsignedEmpty]
        case "N12": [.plusAsSpace]
        default: []
        }
    }
}
