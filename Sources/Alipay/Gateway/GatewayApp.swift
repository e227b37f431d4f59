import Wire

/// One application at the gateway: who asks, where, and whose answers are believed.
public struct GatewayApp: Sendable {
    public var appID: String
    public var gateway: GatewayAddress
    /// The application's own key, with which requests are signed.
    public var privateKey: PrivateKey
    /// For requests and answers alike; an answer signed otherwise does not verify.
    public var algorithm: SignatureAlgorithm
    /// Alipay's keys for this application; more than one while a key is being changed. In certificate mode those of the
    /// certificates that are believed now.
    public var alipayKeys: [PublicKey] { certificateMode?.trust.keys ?? configuredKeys }
    private let configuredKeys: [PublicKey]
    /// The charset of requests, and therefore of answers.
    public var charset: Charset
    /// When set, requests are encrypted and encrypted answers can be read.
    public var contentKey: ContentKey?
    /// When set, the application uses certificates.
    public let certificateMode: CertificateMode?

    /// What makes a call one of certificate mode.
    public struct CertificateMode: Sendable {
        /// The application's certificate, whose number requests carry as `app_cert_sn`.
        public let app: Certificate
        /// Alipay's certificates; the number of the pinned roots goes along as `alipay_root_cert_sn`.
        public let trust: CertificateTrust

        public init(app: Certificate, trust: CertificateTrust) {
            self.app = app
            self.trust = trust
        }
    }

    /// An application in key mode.
    public init(
        appID: String, gateway: GatewayAddress, privateKey: PrivateKey, algorithm: SignatureAlgorithm = .rsa2,
        alipayKeys: [PublicKey], charset: Charset = .utf8, contentKey: ContentKey? = nil
    ) {
        self.init(appID, gateway, privateKey, algorithm, alipayKeys, charset, contentKey, nil)
    }

    /// An application in certificate mode.
    public init(
        appID: String, gateway: GatewayAddress, privateKey: PrivateKey, algorithm: SignatureAlgorithm = .rsa2,
        certificates: CertificateMode, charset: Charset = .utf8, contentKey: ContentKey? = nil
    ) {
        self.init(appID, gateway, privateKey, algorithm, [], charset, contentKey, certificates)
    }

    private init(
        _ appID: String, _ gateway: GatewayAddress, _ privateKey: PrivateKey, _ algorithm: SignatureAlgorithm,
        _ alipayKeys: [PublicKey], _ charset: Charset, _ contentKey: ContentKey?, _ certificateMode: CertificateMode?
    ) {
        self.appID = appID
        self.gateway = gateway
        self.privateKey = privateKey
        self.algorithm = algorithm
        configuredKeys = alipayKeys
        self.charset = charset
        self.contentKey = contentKey
        self.certificateMode = certificateMode
    }
}
