import Alipay
import Logging
import Wire

// The certificates of an app in certificate mode: whether they belong together, and which of Alipay's are believed.
extension KeyReader {
    /// Expiries within this time are worth a warning.
    static let notice: Int64 = 30 * 86_400

    func certificateMode(
        own: String, alipay: String, root: String, privateKey: PrivateKey?
    ) -> GatewayApp.CertificateMode? {
        let mine = certificate("app_cert") { () throws(CertificateError) in try Certificate(text: own) }
        let roots = certificate("alipay_root_cert") { () throws(CertificateError) in try RootBundle(text: root) }
        let chain = certificate("alipay_cert") { () throws(CertificateError) in try CertificateChain(text: alipay) }
        if let mine, !check(mine, against: privateKey, chain?.leaf) { return nil }
        guard let mine, let roots, let chain, let trust = trust(chain, roots) else { return nil }
        return GatewayApp.CertificateMode(app: mine, trust: trust)
    }

    private func certificate<Value>(_ key: String, _ read: () throws(CertificateError) -> Value) -> Value? {
        do throws(CertificateError) {
            return try read()
        } catch {
            complain(key, error.message, [.unreadable, .noRoot].contains(error.code) ? .unreadable : .wrong)
            return nil
        }
    }

    /// The app's certificate must be of the key that signs, and not be Alipay's.
    ///
    /// - Returns: false when it is so wrong that looking further would only repeat it.
    private func check(_ mine: Certificate, against privateKey: PrivateKey?, _ alipay: Certificate?) -> Bool {
        if let own = privateKey?.publicKey, let alipay, mine != alipay, (try? alipay.publicKey()) == own {
            complain(
                "alipay_cert",
                "this is our own certificate, and app_cert another one: are the two files swapped? alipay_cert_file is "
                    + "alipayCertPublicKey_RSA2.crt, app_cert_file is appCertPublicKey of the app")
            return false
        }
        let key = parse("app_cert") { () throws(KeyError) in
            try mine.publicKey(allowsLegacySize: app.allowsLegacyRSA)
        }
        if mine == alipay {
            complain(
                "alipay_cert", "this is the same certificate as app_cert; alipayCertPublicKey_RSA2.crt is expected")
            return false
        }
        if let key, let privateKey, key != privateKey.publicKey {
            complain(
                "app_cert",
                "the certificate \(mine.number) is not of our private key; download appCertPublicKey of this app, or "
                    + "use the private key that its request was made with")
        }
        if mine.notAfter < now {
            complain(
                "app_cert", "the certificate \(mine.number) expired on \(day(mine.notAfter)); renew it in the console")
        } else if mine.notBefore > now {
            complain("app_cert", "the certificate \(mine.number) is valid from \(day(mine.notBefore)) only")
        } else if mine.notAfter - now < Self.notice {
            warn(
                "app_cert",
                "the certificate \(mine.number) expires on \(day(mine.notAfter)); renew it in the console before that")
        }
        return true
    }

    /// What is believed: the configured certificate, and those that were downloaded since.
    private func trust(_ chain: CertificateChain, _ roots: RootBundle) -> CertificateTrust? {
        let folder = app.certificateFolder.map { CertificateFolder(path: $0, appID: app.id) }
        let others = admissible(folder, earlier?.certificateMode?.trust.chains ?? [], roots).filter { $0 != chain }
        var believed = chain
        do throws(CertificateError) {
            try roots.verify(chain, at: now)
        } catch {
            // The configured file may be the old one, when the new one came by itself.
            guard error.code == .expired, let newer = others.first else {
                complain("alipay_cert", error.message)
                return nil
            }
            warn(
                "alipay_cert",
                "the certificate \(chain.leaf.number) has expired; \(newer.leaf.number), which came by download, is used"
            )
            believed = newer
        }
        if believed.leaf.notAfter - now < Self.notice {
            warn(
                "alipay_cert",
                "the certificate \(believed.leaf.number) expires on \(day(believed.leaf.notAfter)); the next one is "
                    + "downloaded when Alipay begins to sign with it")
        }
        let kept: @Sendable (CertificateChain) -> Void = { [logger, appID = app.id] chain in
            logger?.notice(
                "a new certificate of Alipay's is believed",
                metadata: ["app_id": "\(appID)", "alipay_cert_sn": "\(chain.leaf.number)"])
            guard let folder else {
                logger?.warning(
                    "it is kept in memory only and downloaded again after a restart; set alipay_cert_folder",
                    metadata: ["app_id": "\(appID)"])
                return
            }
            do {
                try folder.keep(chain)
            } catch {
                logger?.warning("\(error)", metadata: ["app_id": "\(appID)"])
            }
        }
        let trust = parse("alipay_cert") { () throws(KeyError) in
            try CertificateTrust(believed, roots: roots, allowsLegacySize: app.allowsLegacyRSA, kept: kept)
        }
        for other in others {
            do {
                try trust?.admit(other, number: other.leaf.number, at: now)
            } catch {
                warn("alipay_cert_folder", "\(error); it is left out")
            }
        }
        return trust
    }

    /// Of the certificates that were downloaded, on disk and in memory, those that lead to these roots now.
    private func admissible(
        _ folder: CertificateFolder?, _ earlier: [CertificateChain], _ roots: RootBundle
    ) -> [CertificateChain] {
        var found: [CertificateChain] = []
        for file in folder?.files() ?? [] {
            do {
                let chain = try CertificateChain(text: SettingsFile.text(file))
                guard chain.leaf.number == folder?.number(of: file) else {
                    warn("alipay_cert_folder", "\(file) holds the certificate \(chain.leaf.number); it is left out")
                    continue
                }
                try roots.verify(chain, at: now)
                found.append(chain)
            } catch let error as SettingsFile.Unreadable {
                warn("alipay_cert_folder", "\(file) \(error.reason); it is left out")
            } catch {
                warn("alipay_cert_folder", "\(file): \(error); it is left out")
            }
        }
        for chain in earlier where !found.contains(chain) {
            if (try? roots.verify(chain, at: now)) != nil { found.append(chain) }
        }
        return found
    }

    private func day(_ seconds: Int64) -> String { String(ShanghaiTime.format(unixSeconds: seconds).prefix(10)) }
}
