import Wire

/// alipay.open.app.alipaycert.download: gets the certificate that Alipay signs with since its last renewal.
enum CertificateDownload {
    static let method = "alipay.open.app.alipaycert.download"

    static func bizContent(_ number: String) -> String {
        "{\"alipay_cert_sn\":\(JSONWriter.string(number))}"
    }

    /// `alipay_cert_content`: Base64 of a PEM text with the certificate and those that vouch for it.
    static func chain(_ node: JSONObject) -> Result<CertificateChain, GatewayFailure> {
        guard let content = node["alipay_cert_content"]?.text,
            let bytes = Base64.decode(content.utf8.filter { $0 > 0x20 }),
            let text = String(validating: bytes, as: UTF8.self)
        else {
            return .failure(
                GatewayFailure(
                    kind: .malformed, cause: "unreadable_alipay_cert_content",
                    message: "the downloaded certificate is not Base64 of a text", signed: true))
        }
        do throws(CertificateError) {
            return .success(try CertificateChain(text: text))
        } catch {
            return .failure(
                GatewayFailure(kind: .malformed, cause: error.code.rawValue, message: error.message, signed: true))
        }
    }
}

extension GatewayClient {
    /// Has the certificate of Alipay's with this number downloaded, checked and believed, if it is not yet.
    ///
    /// The answer to the download must be signed with a key that is believed already: otherwise whoever stands in between
    /// could hand us a certificate together with the answers that it signs.
    ///
    /// - Returns: why it is not believed; nil when it is. Also nil in key mode, where nothing is to be had.
    public func obtainCertificate(_ number: String) async -> GatewayFailure? {
        guard let trust = app.certificateMode?.trust else { return nil }
        return await trust.obtain(number, now: { now() / 1_000_000 }) {
            let body: TransportAnswer
            switch await exchange(
                CertificateDownload.method, bizContent: CertificateDownload.bizContent(number), appAuthToken: nil)
            {
            case .failure(let failure): return .failure(failure)
            case .success(let answer): body = answer
            }
            switch judge(body, to: CertificateDownload.method) {
            case .failure(let failure): return .failure(failure)
            case .success(let envelope, _): return CertificateDownload.chain(envelope.node)
            }
        }
    }
}
