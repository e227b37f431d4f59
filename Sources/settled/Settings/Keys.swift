import Alipay
import Foundation
import Logging
import Wire

// Parsing keys is a step of its own, so that what only needs the database (migrate, jobs list) runs without them.
extension Settings {
    /// The apps with their keys parsed, ready to sign and to verify, and what deserves a word about them.
    struct LoadedKeys: Sendable {
        /// By app id.
        var apps: [String: GatewayApp]
        var warnings: [String]
    }

    /// The apps with their keys parsed, by id.
    func loadKeys() throws(SettingsError) -> [String: GatewayApp] { try readKeys().apps }

    /// Parses all keys and certificates and makes sure that they fit together.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970, by which certificates have begun and not expired.
    ///   - earlier: the apps before a reload, whose downloaded certificates go on being believed if they lead to the roots.
    ///   - logger: told of certificates that are downloaded later.
    /// - Throws: every key that is wrong, with the key of the configuration it stands under and what to do.
    func readKeys(
        at now: Int64 = SystemClock.microseconds() / 1_000_000, earlier: [String: GatewayApp] = [:],
        logger: Logger? = nil
    ) throws(SettingsError) -> LoadedKeys {
        var loaded = LoadedKeys(apps: [:], warnings: [])
        var problems: [SettingsProblem] = []
        for (index, app) in apps.enumerated() {
            let reader = KeyReader(
                app: app, path: "apps[\(index)]", now: now, earlier: earlier[app.id], logger: logger)
            loaded.apps[app.id] = reader.read()
            problems += reader.problems
            loaded.warnings += reader.warnings
        }
        guard problems.isEmpty else { throw SettingsError(problems: problems) }
        return loaded
    }
}

/// Something about a key or a certificate that a person should know.
struct KeyFinding: Sendable, Hashable {
    enum Severity: String, Sendable {
        /// Nothing can be read from it.
        case unreadable
        /// It is read, and cannot be used as it is.
        case wrong
        /// It works, and will not for long or not as meant.
        case warning
    }

    let severity: Severity
    /// `private_key`, `alipay_cert` …
    let setting: String
    /// What was found and what to do.
    let sentence: String
}

/// Parses the keys of one app and gathers what is wrong with them.
final class KeyReader {
    let app: AppSettings
    let now: Int64
    let earlier: GatewayApp?
    let logger: Logger?
    private let path: String
    private(set) var findings: [KeyFinding] = []

    var problems: [SettingsProblem] {
        findings.filter { $0.severity != .warning }.map { SettingsProblem(text(of: $0)) }
    }
    var warnings: [String] { findings.filter { $0.severity == .warning }.map(text) }

    init(app: AppSettings, path: String, now: Int64, earlier: GatewayApp?, logger: Logger?) {
        self.app = app
        self.path = path
        self.now = now
        self.earlier = earlier
        self.logger = logger
    }

    func read() -> GatewayApp? {
        let privateKey = parse("private_key") { () throws(KeyError) in
            try PrivateKey(text: app.privateKey?.reveal() ?? "", allowsLegacySize: app.allowsLegacyRSA)
        }
        let contentKey = app.aesKey.flatMap { secret in
            parse("aes_key") { () throws(KeyError) in try ContentKey(text: secret.reveal()) }
        }
        var keys: [PublicKey] = []
        var certificates: GatewayApp.CertificateMode?
        switch app.trust {
        case .publicKey(let current, let previous):
            let texts = [("alipay_public_key", current)] + (previous.map { [("alipay_previous_public_key", $0)] } ?? [])
            for (key, text) in texts {
                guard let parsed = publicKey(key, text) else { continue }
                if (try? KeyInspection(text: text))?.kind == .certificate {
                    warn(
                        key,
                        "this is a certificate, of which the key is taken and nothing checked; for certificate mode set "
                            + "app_cert_file, alipay_cert_file and alipay_root_cert_file instead")
                }
                if keys.contains(parsed) { warn(key, "this is the same key as alipay_public_key; leave it out") }
                if parsed == privateKey?.publicKey { complain(key, Self.ownKey) }
                keys.append(parsed)
            }
        case .certificates(let own, let alipay, let root):
            certificates = certificateMode(own: own, alipay: alipay, root: root, privateKey: privateKey)
        case .missing:
            complain("alipay_public_key", "it is missing")
        }
        guard let privateKey, !findings.contains(where: { $0.severity != .warning }),
            let gateway = try? GatewayAddress(app.gateway)
        else { return nil }
        let charset: Charset = app.charset == .gbk ? .gbk : .utf8
        if let certificates {
            return GatewayApp(
                appID: app.id, gateway: gateway, privateKey: privateKey, algorithm: app.signType,
                certificates: certificates, charset: charset, contentKey: contentKey)
        }
        return GatewayApp(
            appID: app.id, gateway: gateway, privateKey: privateKey, algorithm: app.signType, alipayKeys: keys,
            charset: charset, contentKey: contentKey)
    }

    static let ownKey = "this is our own public key; Alipay's is shown beside it on the open platform (支付宝公钥)"

    private func publicKey(_ key: String, _ text: String) -> PublicKey? {
        parse(key) { () throws(KeyError) in try PublicKey(text: text, allowsLegacySize: app.allowsLegacyRSA) }
    }

    func parse<Key>(_ key: String, _ read: () throws(KeyError) -> Key) -> Key? {
        do throws(KeyError) {
            return try read()
        } catch {
            complain(
                key, error.message,
                [.empty, .unreadable].contains(error.code) ? .unreadable : .wrong)
            return nil
        }
    }

    func complain(_ key: String, _ sentence: String, _ severity: KeyFinding.Severity = .wrong) {
        findings.append(KeyFinding(severity: severity, setting: key, sentence: sentence))
    }

    func warn(_ key: String, _ sentence: String) { complain(key, sentence, .warning) }

    private func text(of finding: KeyFinding) -> String {
        "`\(path).\(finding.setting)` of app \(app.id): \(finding.sentence)"
    }
}
