import Alipay
import FoundationEssentials
import Wire

/// One call as the gateway understands it, made only of parameters whose signature was verified.
struct GatewayRequest: Sendable {
    var method: String
    var tradeNo: String?
    var queryToken: String?
    var appAuthToken: String?
    var charset: Charset
    var algorithm: SignatureAlgorithm
}

/// Reads and checks a call in the gateway's order: app id, charset, signature, and only then what the call wants.
struct GatewayCheck: Sendable {
    var appID: String
    var appPublicKey: PublicKey
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

        guard let method = fields["method"].map(text), !method.isEmpty else { throw .missingMethod }
        guard fields["version"].map(text) == "1.0" else { throw .missingVersion }
        try checkTimestamp(fields["timestamp"].map(text))
        let subject = try subject(fields["biz_content"] ?? [], charset)
        return GatewayRequest(
            method: method, tradeNo: subject.trade_no, queryToken: subject.query_token,
            appAuthToken: fields["app_auth_token"].map(text), charset: charset, algorithm: algorithm)
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
            appPublicKey.verify([UInt8](signature), over: SignedText.of(signed), with: algorithm)
        else { throw .invalidSignature }
        return algorithm
    }

    private func checkTimestamp(_ timestamp: String?) throws(GatewayError) {
        guard let timestamp else { throw .missingTimestamp }
        guard let seconds = ShanghaiTime.parse(timestamp) else { throw .invalidTimestamp }
        guard let tolerance else { return }
        guard abs(seconds - clock()) <= tolerance else { throw .invalidTimestamp }
    }

    private struct Subject: Decodable {
        var trade_no: String?
        var query_token: String?
    }

    private func subject(_ content: [UInt8], _ charset: Charset) throws(GatewayError) -> Subject {
        guard let text = charset.decode(content),
            let subject = try? JSONDecoder().decode(Subject.self, from: Data(text.utf8))
        else { throw .illegalJSON }
        return subject
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
