import COpenSSL

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

/// A digest algorithm, fetched from OpenSSL once: an implicit fetch at each use costs a lock and a lookup.
///
/// `EVP_MD` is immutable after its fetch and counted atomically, so any number of threads may use it at once
/// (openssl-threads(7)); that is why the pointer may be shared.
struct MessageDigest: @unchecked Sendable {
    let pointer: OpaquePointer?

    static let sha256 = MessageDigest(EVP_MD_fetch(nil, "SHA256", nil) ?? EVP_sha256())
    static let sha1 = MessageDigest(EVP_MD_fetch(nil, "SHA1", nil) ?? EVP_sha1())

    private init(_ pointer: OpaquePointer?) {
        self.pointer = pointer
    }
}
