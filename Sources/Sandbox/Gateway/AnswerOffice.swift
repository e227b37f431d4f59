import Alipay
import Wire

/// Where every counter has its answers signed and put into the gateway's envelope.
struct AnswerOffice: Sendable {
    let seal: PlatformSeal
    /// Signs what pretends to be Alipay.
    let strangerKey: PrivateKey
    /// Encrypts the answers to calls that were encrypted.
    var contentKey: ContentKey?

    /// The answer to `request` with this node under its method's name, signed.
    func answer(_ node: String, to request: GatewayRequest) throws -> WireReply {
        try reply(envelope(request).signed(node, method: request.method), request.charset)
    }

    func failure(_ error: GatewayError, _ request: GatewayRequest) throws -> WireReply {
        try failure(error, method: request.method, request.charset, request.algorithm)
    }

    func failure(
        _ error: GatewayError, method: String, _ charset: Charset, _ algorithm: SignatureAlgorithm
    ) throws -> WireReply {
        let node = PayResultText.failure(error, .plain)
        let envelope = AnswerEnvelope(signer: seal.signer, algorithm: algorithm, charset: charset)
        let body =
            try error.isSigned ? envelope.signed(node, method: method) : envelope.unsigned(node, method: method)
        return reply(body, charset)
    }

    /// - Parameters:
    ///   - signer: instead of what signs now.
    ///   - key: instead of the signer's.
    func envelope(
        _ request: GatewayRequest, signer: PlatformSeal.Signer? = nil, key: PrivateKey? = nil
    ) -> AnswerEnvelope {
        var signer = signer ?? seal.signer
        if let key { signer.key = key }
        return AnswerEnvelope(
            signer: signer, algorithm: request.algorithm, charset: request.charset,
            contentKey: request.isEncrypted ? contentKey : nil)
    }

    func reply(_ body: [UInt8], _ charset: Charset) -> WireReply {
        WireReply(contentType: "text/html;charset=\(charset == .utf8 ? "utf-8" : "GBK")", body: body)
    }
}
