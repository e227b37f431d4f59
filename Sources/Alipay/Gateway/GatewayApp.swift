import Wire

/// One application at the gateway: who asks, where, and whose answers are believed.
public struct GatewayApp: Sendable {
    public var appID: String
    public var gateway: GatewayAddress
    /// The application's own key, with which requests are signed.
    public var privateKey: PrivateKey
    /// For requests and answers alike; an answer signed otherwise does not verify.
    public var algorithm: SignatureAlgorithm
    /// Alipay's keys for this application; more than one while a key is being changed.
    public var alipayKeys: [PublicKey]
    /// The charset of requests, and therefore of answers.
    public var charset: Charset
    /// When set, requests are encrypted and encrypted answers can be read.
    public var contentKey: ContentKey?
    /// When set, the application uses certificates.
    public var certificates: CertificateNumbers?

    /// The numbers by which requests in certificate mode name their certificates (`app_cert_sn`, `alipay_root_cert_sn`).
    public struct CertificateNumbers: Sendable, Hashable {
        public var app: String
        public var alipayRoot: String

        public init(app: String, alipayRoot: String) {
            self.app = app
            self.alipayRoot = alipayRoot
        }
    }

    public init(
        appID: String, gateway: GatewayAddress, privateKey: PrivateKey, algorithm: SignatureAlgorithm = .rsa2,
        alipayKeys: [PublicKey], charset: Charset = .utf8, contentKey: ContentKey? = nil,
        certificates: CertificateNumbers? = nil
    ) {
        self.appID = appID
        self.gateway = gateway
        self.privateKey = privateKey
        self.algorithm = algorithm
        self.alipayKeys = alipayKeys
        self.charset = charset
        self.contentKey = contentKey
        self.certificates = certificates
    }
}
