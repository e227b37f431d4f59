import Alipay
import Wire

/// The counter of `alipay.open.app.alipaycert.download`: hands out the certificates that the platform has signed with.
struct CertificateCounter: GatewayCounter {
    let method = "alipay.open.app.alipaycert.download"
    let seal: PlatformSeal

    private struct Subject: Decodable {
        var alipay_cert_sn: String
    }

    func reply(to request: GatewayRequest, from office: AnswerOffice) throws -> WireReply {
        let number = try request.content(as: Subject.self).alipay_cert_sn
        guard let pem = seal.download(number) else { throw GatewayError.invalidParameter }
        let node = AnswerText.object([
            ("code", .string("10000")), ("msg", .string("Success")),
            ("alipay_cert_content", .string(Base64.encode(Array(pem.utf8)))),
        ]).written(.plain)
        // Whoever asks knows only what signed before: an answer signed with the new one would prove nothing to them.
        return try office.reply(
            office.envelope(request, signer: seal.knownSigner).signed(node, method: method), request.charset)
    }
}
