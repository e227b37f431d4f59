import Alipay
import Wire

/// One application at Alipay: who we are there, and the keys of both sides.
struct AppSettings: Sendable {
    var id: String
    /// A URL that a gateway may have.
    var gateway: String
    var signType: SignatureAlgorithm
    var charset: CharsetName
    /// Whether 1024-bit keys are accepted for this app.
    var allowsLegacyRSA: Bool
    /// Our own private key, any of the forms that Alipay's tools write.
    var privateKey: Secret?
    var trust: Trust
    /// Where certificates of Alipay's that came by download are kept; nil when there is no such place.
    var certificateFolder: String?
    var aesKey: Secret?
    /// The files that keys and certificates were read from, by their setting (`private_key`, `alipay_cert`, …).
    var files: [String: String]

    /// What Alipay's signatures are checked with: a public key, or certificates.
    enum Trust: Sendable, Hashable {
        /// `previous` is still accepted while a rotation is under way.
        case publicKey(String, previous: String?)
        case certificates(app: String, alipay: String, root: String)
        /// Nothing was configured; the problem has been reported.
        case missing
    }

    enum CharsetName: String, Sendable, CaseIterable { case utf8 = "utf-8", gbk }

    init(_ section: SettingsSection) {
        id = section.required("id", .digits, placeholder: "", "The app id that Alipay gave.")
        gateway = section.value(
            "gateway", .gateway, default: "https://openapi.alipay.com/gateway.do",
            "Alipay's gateway; plain http is accepted for a loopback address only.")
        signType = section.value(
            "sign_type", .choice([SignatureAlgorithm.rsa2, .rsa]), default: .rsa2, "How our requests are signed.")
        charset = section.value(
            "charset", .choice(CharsetName.allCases), default: .utf8,
            "The charset of our requests and the gateway's answers.")
        allowsLegacyRSA = section.value(
            "allow_legacy_rsa", .flag, default: false, "Accept 1024-bit keys for this app.")
        privateKey = section.secret(
            "private_key", "Our own private key: PEM, or the bare Base64 that Alipay's tools write.")
        let alipayKey = section.document("alipay_public_key", "Alipay's public key for this app, not our own.")
        let previous = section.document(
            "alipay_previous_public_key", "Alipay's public key before a rotation, still accepted while it is set.")
        let appCert = section.document("app_cert", "Certificate mode: our certificate.")
        let alipayCert = section.document("alipay_cert", "Certificate mode: Alipay's certificate.")
        let rootCert = section.document("alipay_root_cert", "Certificate mode: Alipay's root certificates.")
        let folder = section.fileName(
            "alipay_cert_folder",
            "Certificate mode: where certificates that Alipay renewed are kept; beside `alipay_cert_file` if not set.")
        aesKey = section.secret("aes_key", "The AES key of the app, when its content is encrypted.")
        var files: [String: String] = [:]
        for key in Self.keptKeys { files[key] = section.sourceFile(of: key) }
        self.files = files
        certificateFolder = folder ?? files["alipay_cert"].map(Self.folder)
        let certificates = [("app_cert", appCert), ("alipay_cert", alipayCert), ("alipay_root_cert", rootCert)]
        if let appCert, let alipayCert, let rootCert {
            trust = .certificates(app: appCert, alipay: alipayCert, root: rootCert)
            if alipayKey != nil {
                section.complain(
                    about: "id", "`alipay_public_key` and certificates are both set; an app has one or the other")
            }
        } else if let alipayKey {
            trust = .publicKey(alipayKey, previous: previous)
            for (key, text) in certificates where text != nil {
                section.complain(about: "id", "`\(key)` is set without the other certificates")
            }
        } else {
            trust = .missing
            Self.complainOfMissingTrust(section, certificates)
        }
        if privateKey == nil, !section.hasProblem(with: "private_key") {
            section.complain(missing: "private_key_file", expectation: "the name of a file with our private key")
        }
    }

    private static let keptKeys = [
        "private_key", "alipay_public_key", "alipay_previous_public_key", "app_cert", "alipay_cert",
        "alipay_root_cert", "aes_key",
    ]

    private static func folder(of file: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }

    private static func complainOfMissingTrust(_ section: SettingsSection, _ certificates: [(String, String?)]) {
        if certificates.contains(where: { $0.1 != nil }) {
            for (key, text) in certificates where text == nil && !section.hasProblem(with: key) {
                section.complain(
                    missing: key + "_file", expectation: "the name of a file, since other certificates are set")
            }
        } else if !section.hasProblem(with: "alipay_public_key"),
            !certificates.contains(where: { section.hasProblem(with: $0.0) })
        {
            section.complain(
                missing: "alipay_public_key_file",
                expectation: "the name of a file with Alipay's public key, or certificates")
        }
    }
}
