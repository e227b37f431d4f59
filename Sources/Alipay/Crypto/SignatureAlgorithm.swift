import Wire

/// The two signatures of the OpenAPI, both RSASSA-PKCS1-v1_5, under the names that `sign_type` gives them.
///
/// The raw values are compared exactly: `rsa2`, `RSA256` and the like are no names of these algorithms. Which of the
/// two counts is decided by configuration; what a message says about itself only has to agree with that.
public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// SHA-256, for applications with a key of their own (2048 bits or more).
    case rsa2 = "RSA2"
    /// SHA-1, for old applications that share one 1024-bit key of the platform.
    case rsa = "RSA"

    var digest: MessageDigest {
        switch self {
        case .rsa2: .sha256
        case .rsa: .sha1
        }
    }
}
