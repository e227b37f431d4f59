import Alipay
import Wire

// Parsing keys is a step of its own, so that what only needs the database (migrate, jobs list) runs without them.
extension Settings {
    /// The apps with their keys parsed, by id, ready to sign and to verify.
    ///
    /// - Throws: every key that is wrong, with the key of the configuration it stands under and what to do.
    func loadKeys() throws(SettingsError) -> [String: GatewayApp] {
        var loaded: [String: GatewayApp] = [:]
        var problems: [SettingsProblem] = []
        for (index, app) in apps.enumerated() {
            let reader = KeyReader(app: app, path: "apps[\(index)]")
            loaded[app.id] = reader.read()
            problems += reader.problems
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return loaded
    }
}

/// Parses the keys of one app and gathers what is wrong with them.
private final class KeyReader {
    let app: AppSettings
    let path: String
    private(set) var problems: [SettingsProblem] = []

    init(app: AppSettings, path: String) {
        self.app = app
        self.path = path
    }

    func read() -> GatewayApp? {
        let privateKey = parse("private_key") { () throws(KeyError) in
            try PrivateKey(text: app.privateKey?.reveal() ?? "", allowsLegacySize: app.allowsLegacyRSA)
        }
        let alipayKeys = alipayKeys()
        let contentKey = app.aesKey.flatMap { secret in
            parse("aes_key") { () throws(KeyError) in try ContentKey(text: secret.reveal()) }
        }
        if let own = privateKey?.publicKey.fingerprint, alipayKeys.contains(where: { $0.fingerprint == own }) {
            complain(
                "alipay_public_key",
                "this is our own public key; Alipay's is shown beside it on the open platform (支付宝公钥)")
        }
        if case .certificates = app.trust {
            // A request in certificate mode without these numbers is refused by the gateway; better refused here.
            complain(
                "app_cert", "requests with certificates are not supported by this version; use alipay_public_key_file")
        }
        guard let privateKey, problems.isEmpty, let gateway = try? GatewayAddress(app.gateway) else { return nil }
        return GatewayApp(
            appID: app.id, gateway: gateway, privateKey: privateKey, algorithm: app.signType, alipayKeys: alipayKeys,
            charset: app.charset == .gbk ? .gbk : .utf8, contentKey: contentKey)
    }

    private func alipayKeys() -> [PublicKey] {
        switch app.trust {
        case .publicKey(let current, let previous):
            let texts = [("alipay_public_key", current)] + (previous.map { [("alipay_previous_public_key", $0)] } ?? [])
            return texts.compactMap { key, text in publicKey(key, text) }
        case .certificates(_, let alipay, _):
            return publicKey("alipay_cert", alipay).map { [$0] } ?? []
        case .missing:
            complain("alipay_public_key", "it is missing")
            return []
        }
    }

    private func publicKey(_ key: String, _ text: String) -> PublicKey? {
        parse(key) { () throws(KeyError) in try PublicKey(text: text, allowsLegacySize: app.allowsLegacyRSA) }
    }

    private func parse<Key>(_ key: String, _ read: () throws(KeyError) -> Key) -> Key? {
        do throws(KeyError) {
            return try read()
        } catch {
            complain(key, error.message + (error.code == .size ? " (allow_legacy_rsa accepts it)" : ""))
            return nil
        }
    }

    private func complain(_ key: String, _ sentence: String) {
        problems.append(SettingsProblem("`\(path).\(key)` of app \(app.id): \(sentence)"))
    }
}
