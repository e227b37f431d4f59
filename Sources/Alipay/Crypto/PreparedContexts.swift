import COpenSSL
import Wire

/// What signing or verifying with one key needs, set up once for each algorithm and copied for each operation.
///
/// To set it up, OpenSSL looks the algorithms up in its providers, by name and under locks, which takes 3 to 5 µs; a copy takes
/// a few references.
///
/// `@unchecked Sendable`: nothing is ever done with these contexts but copying them. `EVP_MD_CTX_copy_ex` takes its source as
/// constant, and the reference counts that it raises are atomic.
final class PreparedContexts: @unchecked Sendable {
    enum Purpose { case signing, verifying }

    let key: RSAKey
    /// Nil where OpenSSL's configuration forbids the algorithm.
    private let rsa: OpaquePointer?
    private let rsa2: OpaquePointer?

    init(_ key: RSAKey, for purpose: Purpose) {
        self.key = key
        rsa = Self.prepare(key, purpose, .rsa)
        rsa2 = Self.prepare(key, purpose, .rsa2)
    }

    deinit {
        EVP_MD_CTX_free(rsa)
        EVP_MD_CTX_free(rsa2)
    }

    /// Runs `body` with a context of its own; nil when there is none.
    func with<T>(_ algorithm: SignatureAlgorithm, _ body: (OpaquePointer) -> T) -> T? {
        let prepared = algorithm == .rsa2 ? rsa2 : rsa
        guard let prepared, let context = EVP_MD_CTX_new() else { return nil }
        defer { EVP_MD_CTX_free(context) }
        return EVP_MD_CTX_copy_ex(context, prepared) == 1 ? body(context) : nil
    }

    private static func prepare(
        _ key: RSAKey, _ purpose: Purpose, _ algorithm: SignatureAlgorithm
    ) -> OpaquePointer? {
        guard let context = EVP_MD_CTX_new() else { return nil }
        let digest = algorithm.digest.pointer
        let done =
            switch purpose {
            case .signing: EVP_DigestSignInit(context, nil, digest, nil, key.pointer)
            case .verifying: EVP_DigestVerifyInit(context, nil, digest, nil, key.pointer)
            }
        if done == 1 { return context }
        ERR_clear_error()
        EVP_MD_CTX_free(context)
        return nil
    }
}
