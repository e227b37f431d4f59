import Alipay
import Foundation
import Testing

/// Files of `Vectors`, as they lie beside the tests.
enum VectorFile {
    static func read(_ name: String) throws -> Data {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
        return try Data(contentsOf: url)
    }
}

/// The throw-away keys of `Vectors/keys.json`.
struct VectorKeys: Decodable {
    struct Pair: Decodable {
        let privatePKCS8: String
        let privatePKCS1: String
        let publicSPKI: String

        enum CodingKeys: String, CodingKey {
            case privatePKCS8 = "private_pkcs8_b64"
            case privatePKCS1 = "private_pkcs1_b64"
            case publicSPKI = "public_spki_b64"
        }

        var privateKey: PrivateKey { get throws { try PrivateKey(text: privatePKCS8, allowsLegacySize: true) } }
        var publicKey: PublicKey { get throws { try PublicKey(text: publicSPKI, allowsLegacySize: true) } }
    }
    private struct Keys: Decodable {
        let alipay: Pair
        let app: Pair
        let legacy: Pair

        enum CodingKeys: String, CodingKey {
            case alipay = "alipay_2048"
            case app = "app_2048"
            case legacy = "alipay_1024_legacy"
        }
    }
    private let keys: Keys

    /// Alipay's key of an application with RSA2.
    var alipay: Pair { keys.alipay }
    /// The application's own key.
    var app: Pair { keys.app }
    /// The 1024-bit key that applications with RSA share.
    var legacy: Pair { keys.legacy }

    static let shared = Result { try JSONDecoder().decode(VectorKeys.self, from: VectorFile.read("keys")) }

    subscript(name: String) -> Pair? {
        ["alipay_2048": alipay, "app_2048": app, "alipay_1024_legacy": legacy][name]
    }
}
