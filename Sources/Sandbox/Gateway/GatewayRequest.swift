import Alipay
import FoundationEssentials
import Wire

/// One call as the gateway understands it, made only of parameters whose signature was verified.
struct GatewayRequest: Sendable {
    var method: String
    /// `biz_content`, decoded from the call's charset.
    var content: String
    var appAuthToken: String?
    var charset: Charset
    var algorithm: SignatureAlgorithm
    /// Whether it came encrypted; then a success is answered so.
    var isEncrypted = false

    /// What a counter wants to know of `biz_content`.
    func content<Content: Decodable>(as type: Content.Type) throws(GatewayError) -> Content {
        guard let content = try? JSONDecoder().decode(type, from: Data(content.utf8)) else { throw .illegalJSON }
        return content
    }
}

/// Reads and checks a call in the gateway's order: app id, charset, signature, and only then what the call wants.
struct GatewayCheck: Sendable {
    var appID: String
    let seal: PlatformSeal
    var contentKey: ContentKey?
    var algorithms: Set<SignatureAlgorithm>
    /// Unix seconds, now.
    var clock: @Sendable () -> Int64
    /// How far `timestamp` may be from now; nil does not look.
    var tolerance: Int64?

    func request(query: [UInt8], body: [UInt8]) throws(GatewayError) -> GatewayRequest {
        guard let inQuery = FormText.parse(query), let inBody = FormText.parse(body) else {
            throw .illegalParameters
        }
        let raw = inQuery + inBody
        let fields = try unique(raw)
        guard let appID = fields["app_id"] else { throw .missingAppID }
        guard text(appID) == self.appID else { throw .invalidAppID }
        // The gateway has to know the charset before it reads the body: in the body alone it comes too late.
        let label = inQuery.first { $0.name == Array("charset".utf8) }.map { text($0.value) } ?? "gbk"
        guard let charset = Charset(label: label) else { throw .invalidCharset }
        let algorithm = try verifySignature(raw, fields)
        try checkCertificates(fields)

        guard let method = fields["method"].map(text), !method.isEmpty else { throw .missingMethod }
        guard fields["version"].map(text) == "1.0" else { throw .missingVersion }
        try checkTimestamp(fields["timestamp"].map(text))
        let (plain, isEncrypted) = try decrypted(fields["biz_content"] ?? [], fields["encrypt_type"].map(text))
        guard let content = charset.decode(plain) else { throw .illegalJSON }
        return GatewayRequest(
            method: method, content: content, appAuthToken: fields["app_auth_token"].map(text), charset: charset,
            algorithm: algorithm, isEncrypted: isEncrypted)
    }

    /// In certificate mode a call names the application's certificate and the roots that it goes by.
    private func checkCertificates(_ fields: [String: [UInt8]]) throws(GatewayError) {
        guard let numbers = seal.numbers else { return }
        guard let app = fields["app_cert_sn"].map(text) else { throw .missingAppCertificate }
        guard app == numbers.app else { throw .unknownAppCertificate }
        guard let root = fields["alipay_root_cert_sn"].map(text) else { throw .missingRootCertificate }
        guard root == numbers.root else { throw .invalidRootCertificate }
    }

    private func decrypted(
        _ content: [UInt8], _ type: String?
    ) throws(GatewayError) -> (plain: [UInt8], isEncrypted: Bool) {
        guard let type else { return (content, false) }
        guard type == "AES" else { throw .invalidEncryptType }
        guard let contentKey, let cipher = Base64.decode(content), let plain = contentKey.decrypt(cipher) else {
            throw .notDecryptable
        }
        return (plain, true)
    }

    private func unique(_ raw: [(name: [UInt8], value: [UInt8])]) throws(GatewayError) -> [String: [UInt8]] {
        var fields: [String: [UInt8]] = [:]
        for parameter in raw {
            guard fields.updateValue(parameter.value, forKey: text(parameter.name)) == nil else {
                throw .illegalParameters
            }
        }
        return fields
    }

    /// URL and body together, empty values left out, `sign_type` kept.
    private func verifySignature(
        _ raw: [(name: [UInt8], value: [UInt8])], _ fields: [String: [UInt8]]
    ) throws(GatewayError) -> SignatureAlgorithm {
        guard let type = fields["sign_type"] else { throw .missingSignatureType }
        guard let algorithm = SignatureAlgorithm(rawValue: text(type)), algorithms.contains(algorithm) else {
            throw .invalidSignatureType
        }
        guard let sign = fields["sign"], !sign.isEmpty else { throw .missingSignature }
        let signed = raw.filter { $0.name != Array("sign".utf8) && !$0.value.isEmpty }
        guard let signature = Data(base64Encoded: Data(sign)),
            seal.appKey.verify([UInt8](signature), over: SignedText.of(signed), with: algorithm)
        else { throw .invalidSignature }
        return algorithm
    }

    private func checkTimestamp(_ timestamp: String?) throws(GatewayError) {
        guard let timestamp else { throw .missingTimestamp }
        guard let seconds = ShanghaiTime.parse(timestamp) else { throw .invalidTimestamp }
        guard let tolerance else { return }
        guard abs(seconds - clock()) <= tolerance else { throw .invalidTimestamp }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
