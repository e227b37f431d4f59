import Alipay
import Wire

/// What the files of one app hold, whose that is, and whether it fits together.
struct KeyReport: Sendable {
    /// One text that was configured.
    struct Entry: Sendable {
        let setting: String
        /// Nil when the text stands in the configuration or the environment itself.
        let file: String?
        let owner: Owner
        /// Nil when nothing can be read from it.
        var key: KeyInspection?
        /// A certificate's, and of a bundle those that count.
        var numbers: [String] = []
        /// Of a certificate, in seconds since 1970.
        var expires: Int64?
        var issuer: String?
        /// Bits of a content key.
        var contentKeyBits: Int?
    }

    enum Owner: String, Sendable {
        case app, alipay, both
    }

    let appID: String
    let entries: [Entry]
    let findings: [KeyFinding]

    /// - Parameters:
    ///   - path: how the settings are called in sentences, `apps[0]`.
    ///   - now: seconds since 1970.
    init(_ app: AppSettings, path: String, now: Int64) {
        appID = app.id
        var entries: [Entry] = []
        func add(_ setting: String, _ owner: Owner, _ text: String?, _ read: (inout Entry, String) -> Void) {
            guard let text else { return }
            var entry = Entry(setting: setting, file: app.files[setting], owner: owner)
            read(&entry, text)
            entries.append(entry)
        }
        add("private_key", .app, app.privateKey?.reveal(), Self.readKey)
        switch app.trust {
        case .publicKey(let current, let previous):
            add("alipay_public_key", .alipay, current, Self.readKey)
            add("alipay_previous_public_key", .alipay, previous, Self.readKey)
        case .certificates(let own, let alipay, let root):
            add("app_cert", .app, own, Self.readCertificate)
            add("alipay_cert", .alipay, alipay, Self.readCertificate)
            add("alipay_root_cert", .alipay, root) { entry, text in
                guard let bundle = try? RootBundle(text: text) else { return }
                entry.numbers = bundle.certificates.filter(\.isRSASigned).map(\.number)
                entry.expires = bundle.certificates.filter(\.isRSASigned).map(\.notAfter).min()
            }
        case .missing: break
        }
        add("aes_key", .both, app.aesKey?.reveal()) { entry, text in
            entry.contentKeyBits = (try? ContentKey(text: text))?.bits
        }
        self.entries = entries
        let reader = KeyReader(app: app, path: path, now: now, earlier: nil, logger: nil)
        _ = reader.read()
        findings = reader.findings
    }

    private static func readKey(_ entry: inout Entry, _ text: String) {
        entry.key = try? KeyInspection(text: text)
        if entry.key?.kind == .certificate { readCertificate(&entry, text) }
    }

    private static func readCertificate(_ entry: inout Entry, _ text: String) {
        entry.key = try? KeyInspection(text: text)
        guard let certificate = try? Certificate(text: text) else { return }
        entry.numbers = [certificate.number]
        entry.expires = certificate.notAfter
        entry.issuer = certificate.issuer
    }
}

extension KeyReport.Entry {
    /// In words: `private key, RSA 2048 bits, PKCS#8`.
    var what: String {
        if let contentKeyBits { return "content key, AES \(contentKeyBits) bits" }
        if setting == "alipay_root_cert", !numbers.isEmpty {
            return "root bundle, \(numbers.count) certificates count"
        }
        guard let key else { return "unreadable" }
        let kind =
            switch key.kind {
            case .privateKey: "private key"
            case .publicKey: "public key"
            case .certificate: "certificate"
            case .encryptedPrivateKey: "encrypted private key"
            }
        guard key.bits > 0 else { return kind }
        let encoding =
            switch key.encoding {
            case .pkcs1: ", PKCS#1"
            case .pkcs8: ", PKCS#8"
            case .spki, .x509, .other: ""
            }
        return "\(kind), \(key.algorithm) \(key.bits) bits\(encoding)"
    }

    /// The number that the OpenAPI names a certificate by, else the start of the key's fingerprint.
    var identity: String {
        if !numbers.isEmpty { return "SN " + numbers.joined(separator: "_") }
        return key.map { $0.fingerprint.isEmpty ? "" : "SHA-256 " + $0.fingerprint.prefix(16) } ?? ""
    }

    func line(appID: String) -> JSONLine {
        var line = JSONLine()
        line.add("type", "key")
        line.add("app_id", appID)
        line.add("setting", setting)
        line.add("file", file)
        line.add("owner", owner.rawValue)
        line.add(
            "kind", contentKeyBits != nil ? "content_key" : key?.kind.rawValue ?? (numbers.isEmpty ? nil : "bundle"))
        line.add("encoding", key?.encoding.rawValue)
        line.add("algorithm", contentKeyBits != nil ? "AES" : key?.algorithm)
        line.add("bits", contentKeyBits ?? key?.bits)
        line.add("fingerprint", key?.fingerprint)
        line.add("sn", numbers.isEmpty ? nil : numbers.joined(separator: "_"))
        line.add("issuer", issuer)
        line.add("expires_at", expires.map { ShanghaiTime.format(unixSeconds: $0) })
        return line
    }
}

extension KeyFinding {
    func line(appID: String) -> JSONLine {
        var line = JSONLine()
        line.add("type", "finding")
        line.add("app_id", appID)
        line.add("setting", setting)
        line.add("severity", severity.rawValue)
        line.add("finding", sentence)
        return line
    }
}
