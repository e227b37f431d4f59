import COpenSSL

/// A digest algorithm, fetched from OpenSSL once: an implicit fetch at each use costs a lock and a lookup.
///
/// `EVP_MD` is immutable after its fetch and counted atomically, so any number of threads may use it at once
/// (openssl-threads(7)); that is why the pointer may be shared.
package struct MessageDigest: @unchecked Sendable {
    package let pointer: OpaquePointer?

    package static let sha256 = MessageDigest(EVP_MD_fetch(nil, "SHA256", nil) ?? EVP_sha256())
    package static let sha1 = MessageDigest(EVP_MD_fetch(nil, "SHA1", nil) ?? EVP_sha1())

    private init(_ pointer: OpaquePointer?) {
        self.pointer = pointer
    }
}
