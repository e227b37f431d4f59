import COpenSSL
import Wire

/// How a TOP request is signed, in the words of its `sign_method` parameter.
///
/// Source: TOP's guide "API 调用方法详解" for `md5` and `hmac`, the public SDKs for `hmac-sha256`.
public enum SignMethod: String, Sendable, Hashable, CaseIterable {
    /// MD5 over secret, text and secret again.
    case md5
    /// HMAC-MD5 with the secret as its key.
    case hmac
    /// HMAC-SHA256 with the secret as its key: the one to use.
    case hmacSHA256 = "hmac-sha256"

    /// The signature of `text` in upper-case hexadecimal: 32 characters, 64 for `hmac-sha256`.
    public func signature(of text: [UInt8], secret: [UInt8]) throws(SigningError) -> String {
        let digest: [UInt8]? =
            switch self {
            case .md5: Self.md5(secret + text + secret)
            case .hmac: Self.hmac(EVP_md5(), key: secret, text)
            case .hmacSHA256: Self.hmac(EVP_sha256(), key: secret, text)
            }
        guard let digest else {
            throw SigningError(
                message: "OpenSSL cannot compute \(rawValue); a FIPS policy forbids MD5: use sign_method hmac-sha256")
        }
        return Digest.hex(digest).uppercased()
    }

    private static func md5(_ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard EVP_Digest(bytes, bytes.count, &digest, &length, EVP_md5(), nil) == 1 else { return nil }
        return Array(digest.prefix(Int(length)))
    }

    private static func hmac(_ algorithm: OpaquePointer?, key: [UInt8], _ text: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard HMAC(algorithm, key, Int32(key.count), text, text.count, &digest, &length) != nil else { return nil }
        return Array(digest.prefix(Int(length)))
    }
}

/// Why a request could not be signed: a fault of this installation, not of the request.
public struct SigningError: Error, Sendable, Hashable, CustomStringConvertible {
    public let message: String
    public var description: String { message }
}
