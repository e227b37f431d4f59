import COpenSSL

/// TOP's signature, built a second time from its guide: were both sides to share one, they would agree on its mistakes.
enum TOPSignature {
    /// Upper-case hex over every parameter but `sign`; nil for a method that does not exist.
    static func of(_ parameters: [(name: [UInt8], value: [UInt8])], method: String, secret: String) -> String? {
        let text = parameters.filter { $0.name != Array("sign".utf8) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
            .flatMap { $0.name + $0.value }
        let key = Array(secret.utf8)
        let digest: [UInt8]? =
            switch method {
            case "md5": hash("MD5", key + text + key)
            case "hmac": mac("MD5", key, text)
            case "hmac-sha256": mac("SHA256", key, text)
            default: nil
            }
        return digest?.map { byte in
            let hex = String(byte, radix: 16, uppercase: true)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }

    private static func hash(_ name: String, _ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 64)
        var length = 0
        guard EVP_Q_digest(nil, name, nil, bytes, bytes.count, &digest, &length) == 1 else { return nil }
        return Array(digest.prefix(length))
    }

    private static func mac(_ name: String, _ key: [UInt8], _ bytes: [UInt8]) -> [UInt8]? {
        var digest = [UInt8](repeating: 0, count: 64)
        var length = 0
        guard
            EVP_Q_mac(
                nil, "HMAC", nil, name, nil, key, key.count, bytes, bytes.count, &digest, digest.count, &length) != nil
        else { return nil }
        return Array(digest.prefix(length))
    }
}
