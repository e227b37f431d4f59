import Wire

/// What a sender must read to stop sending again.
public enum AcknowledgementStyle: String, Sendable, Hashable, CaseIterable {
    /// `{"econotify":"success"}` in XML, signed with the application's key: property-fee pay results.
    case signedXML = "signed-xml"
    /// `{"econotify":"success"}` alone: later products of the same family.
    case plainJSON = "plain-json"
    /// The seven bytes `success`: trades.
    case success
}

/// The answer to a notification that is stored durably. It says "received" and nothing about the payment, so it is the
/// same for all: signed once, when it is made.
public struct Acknowledgement: Sendable, Hashable {
    /// The value of the Content-Type header.
    public let contentType: String
    /// The exact bytes; nothing may be added, not even a line end.
    public let body: [UInt8]

    /// Makes the answer of a style.
    ///
    /// The signature of the XML covers the JSON text alone, and `<sign_type>` says which one it is. (Of the two SDKs
    /// that are in use one writes `RSA` there whatever it signed with; both are accepted.)
    ///
    /// - Throws: ``KeyError`` when a signature is needed and there is no key, or the key cannot sign.
    public init(
        style: AcknowledgementStyle, key: PrivateKey? = nil, algorithm: SignatureAlgorithm = .rsa2
    ) throws(KeyError) {
        let json = #"{"econotify":"success"}"#
        switch style {
        case .signedXML:
            guard let key else {
                throw KeyError(
                    .missing, "the acknowledgement signed-xml needs the application's private key (private_key_file)")
            }
            let sign = Base64.encode(try key.sign(Array(json.utf8), with: algorithm))
            self.init(
                "text/xml;charset=UTF-8",
                #"<?xml version="1.0" encoding="UTF-8"?><alipay><response>\#(json)</response>"#
                    + "<sign>\(sign)</sign><sign_type>\(algorithm.rawValue)</sign_type></alipay>")
        case .plainJSON:
            self.init("application/json", json)
        case .success:
            self.init("text/plain", "success")
        }
    }

    /// The body of every answer that is no acknowledgement: the same four bytes, never signed.
    public static let refusal = Acknowledgement("text/plain", "fail")

    private init(_ contentType: String, _ text: String) {
        self.contentType = contentType
        body = Array(text.utf8)
    }
}
