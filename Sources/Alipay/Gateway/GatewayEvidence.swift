import Wire

/// The proof of an answer: everything that is needed to check its signature again, years later.
///
/// ``Envelope/open(_:method:app:)`` with `rawBody` and the key of `keyFingerprint` must succeed again.
public struct GatewayEvidence: Sendable, Hashable {
    /// The API that was asked, `alipay.eco.cplife.pay.result.query`.
    public var method: String
    /// The answer's bytes, untouched.
    public var rawBody: [UInt8]
    /// Alipay's signature, Base64.
    public var signature: String
    public var algorithm: SignatureAlgorithm
    /// Hex SHA-256 of the public key that verified it.
    public var keyFingerprint: String
    /// The charset that was asked for and in which the answer was read.
    public var charset: Charset
    /// When the answer was complete, in microseconds since 1970.
    public var receivedAt: Int64

    public init(
        method: String, rawBody: [UInt8], signature: String, algorithm: SignatureAlgorithm, keyFingerprint: String,
        charset: Charset, receivedAt: Int64
    ) {
        self.method = method
        self.rawBody = rawBody
        self.signature = signature
        self.algorithm = algorithm
        self.keyFingerprint = keyFingerprint
        self.charset = charset
        self.receivedAt = receivedAt
    }
}
