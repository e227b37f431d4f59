import Alipay
import Foundation
import Testing
import Wire

/// A notification as a sender builds it, for tests to sign rightly and then to spoil.
struct SignedMessage {
    typealias Parameter = (name: [UInt8], value: [UInt8])

    var parameters: [Parameter]
    var form = CanonicalForm.v2
    var algorithm = SignatureAlgorithm.rsa2

    /// The parameters of a property-fee result, with `others` added or put in their place.
    init(_ others: [String: [UInt8]] = [:], without left: Set<String> = []) {
        let usual: [(String, String)] = [
            ("trade_no", "2026031821001000000000000001"), ("trade_status", "TRADE_SUCCESS"), ("total_amount", "20.50"),
            ("seller_id", "2088000000000002"), ("charset", "utf-8"), ("sign_type", "RSA2"),
            ("notify_time", "2026-03-18 22:07:12"), ("body", "R1|C1|1"), ("buyer_logon_id", "138****8000"),
        ]
        var values = Dictionary(usual.map { ($0.0, Array($0.1.utf8)) }) { $1 }
        values.merge(others) { $1 }
        parameters = values.filter { !left.contains($0.key) }.sorted { $0.key < $1.key }
            .map { (Array($0.key.utf8), $0.value) }
    }

    static func text(_ others: [String: String], without left: Set<String> = []) -> SignedMessage {
        SignedMessage(others.mapValues { Array($0.utf8) }, without: left)
    }

    /// What is signed.
    var content: [UInt8] {
        get throws { try form.signedContent(of: FormBody(parsing: FormBody.encode(parameters))) }
    }

    /// The body with the signature of `key`, by default Alipay's.
    func body(signedBy key: PrivateKey? = nil) throws -> [UInt8] {
        let key = try key ?? VectorKeys.shared.get().alipay.privateKey
        return try body(sign: Base64.encode(key.sign(content, with: algorithm)))
    }

    /// The body with this text as `sign`.
    func body(sign: String) -> [UInt8] {
        FormBody.encode(parameters + [(Array("sign".utf8), Array(sign.utf8))])
    }
}

extension NotificationVerifier {
    static let formType = "application/x-www-form-urlencoded"

    /// A verifier with Alipay's key of the vectors.
    static func test(
        _ profile: NotificationProfile = .cplife, algorithms: Set<SignatureAlgorithm> = [.rsa2],
        keys: [PublicKey]? = nil, dropsEmptyValues: Bool = false
    ) throws -> NotificationVerifier {
        NotificationVerifier(
            profile: profile, algorithms: algorithms, keys: try keys ?? [VectorKeys.shared.get().alipay.publicKey],
            dropsEmptyValues: dropsEmptyValues)
    }

    func accept(_ body: [UInt8]) throws -> Alipay.Notification {
        try verify(body: body, contentType: Self.formType)
    }

    /// Why a body is refused; nil when it is not.
    func refusal(_ body: [UInt8], contentType: String? = formType) -> NotificationRejection? {
        do {
            _ = try verify(body: body, contentType: contentType)
            return nil
        } catch {
            return error
        }
    }
}
