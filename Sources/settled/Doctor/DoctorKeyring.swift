import Alipay
import Wire

/// All keys that may have signed a message, read one by one: those that are wrong for the program are just the ones that
/// the doctor must look at.
struct DoctorKeyring: Sendable {
    private(set) var all: [DoctorKey] = []
    /// What could not be read, and what is wrong with the keys of the app in question for the program that runs.
    private(set) var warnings: [String] = []

    /// Alipay's keys of the app in question.
    var expected: [PublicKey] { all.filter { $0.owner == .alipay }.map(\.key) }

    /// The keys of all apps, as seen from one of them.
    ///
    /// - Throws: ``CommandFailure`` with 78 when Alipay's key of this app cannot be read.
    init(_ settings: Settings, appID: String, at now: Int64 = SystemClock.microseconds() / 1_000_000) throws {
        for (index, app) in settings.apps.enumerated() {
            add(app, path: "apps[\(index)]", isConcerned: app.id == appID)
        }
        guard !expected.isEmpty else {
            throw CommandFailure(
                "Alipay's key of app \(appID) cannot be read: " + warnings.joined(separator: "; "), .configuration)
        }
        // A key may be read here with which the program refuses to start.
        for (index, app) in settings.apps.enumerated() where app.id == appID {
            warnings += KeyReport(app, path: "apps[\(index)]", now: now).findings
                .filter { $0.severity == .wrong }
                .map {
                    "the program refuses to start with apps[\(index)].\($0.setting) of app \(appID): \($0.sentence)"
                }
        }
    }

    /// A key of Alipay's and, if given, our own, from files.
    init(alipay file: String, own: String?) throws {
        add(.alipay, "Alipay's key in \(file)") { try PublicKey(text: SettingsFile.text(file), allowsLegacySize: true) }
        if let own { add(.own, "our own key in \(own)") { try Self.own(text: SettingsFile.text(own)) } }
        guard warnings.isEmpty else { throw CommandFailure(warnings.joined(separator: "; "), .configuration) }
    }

    private mutating func add(_ app: AppSettings, path: String, isConcerned: Bool) {
        let owner: DoctorKey.Owner = isConcerned ? .alipay : .otherApp
        let whose = "of app \(app.id)"
        switch app.trust {
        case .publicKey(let current, let previous):
            add(owner, "\(path).alipay_public_key \(whose)") { try PublicKey(text: current, allowsLegacySize: true) }
            if let previous {
                add(owner, "\(path).alipay_previous_public_key \(whose)") {
                    try PublicKey(text: previous, allowsLegacySize: true)
                }
            }
        case .certificates(_, let alipay, _):
            add(owner, "\(path).alipay_cert \(whose)") { try Self.certified(alipay) }
            for file in app.certificateFolder.map({ CertificateFolder(path: $0, appID: app.id).files() }) ?? [] {
                add(owner, "\(file) \(whose)") { try Self.certified(SettingsFile.text(file)) }
            }
        case .missing: break
        }
        if let own = app.privateKey {
            add(.own, "\(path).private_key \(whose)") { try Self.own(text: own.reveal()) }
        }
    }

    private mutating func add(_ owner: DoctorKey.Owner, _ name: String, _ read: () throws -> PublicKey) {
        do {
            all.append(DoctorKey(owner, try read(), name: name))
        } catch let error as SettingsFile.Unreadable {
            warnings.append("\(name): it \(error.reason)")
        } catch {
            warnings.append("\(name): \(error)")
        }
    }

    private static func certified(_ text: String) throws -> PublicKey {
        try CertificateChain(text: text).leaf.publicKey(allowsLegacySize: true)
    }

    /// Of a private key the public half.
    private static func own(text: String) throws -> PublicKey {
        do throws(KeyError) {
            return try PrivateKey(text: text, allowsLegacySize: true).publicKey
        } catch  where error.code == .wrongHalf {
            return try PublicKey(text: text, allowsLegacySize: true)
        }
    }
}
