import Alipay
import Foundation

/// The settings together with how they came about: the file, each key with its origin, and what is odd but not wrong.
struct LoadedSettings: Sendable {
    let settings: Settings
    /// Nil when everything came from the environment and the defaults.
    let file: String?
    let entries: [SettingsReader.Entry]
    let warnings: [String]

    /// Places that are looked at in this order when nobody named a file.
    static let usualFiles = ["settled.yaml", "/etc/settled/settled.yaml"]

    /// Reads the file, the environment and the flags, and reports all problems together.
    ///
    /// - Parameters:
    ///   - file: the file named on the command line; else SETTLED_CONFIG; else the first of ``usualFiles`` that exists.
    ///   - flags: texts from the command line by the path of their key, such as `log.level`.
    static func load(
        file named: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        flags: [String: SettingsReader.Found] = [:]
    ) throws(SettingsError) -> LoadedSettings {
        let file = named ?? environment["SETTLED_CONFIG"].flatMap { $0.isEmpty ? nil : $0 } ?? usualFile()
        guard let file else { return try load(tree: nil, file: nil, environment: environment, flags: flags) }
        let text: String
        do throws(SettingsFile.Unreadable) {
            text = try SettingsFile.text(file)
        } catch {
            throw SettingsError(problems: [SettingsProblem("the configuration file \(file) \(error.reason)")])
        }
        return try load(text: text, file: file, environment: environment, flags: flags)
    }

    /// The same with the text of a file at hand.
    static func load(
        text: String, file: String, environment: [String: String] = [:], flags: [String: SettingsReader.Found] = [:]
    ) throws(SettingsError) -> LoadedSettings {
        try load(tree: YAMLTree.parse(text, file: file), file: file, environment: environment, flags: flags)
    }

    private static func load(
        tree: YAMLTree?, file: String?, environment: [String: String], flags: [String: SettingsReader.Found]
    ) throws(SettingsError) -> LoadedSettings {
        let reader = SettingsReader(environment: environment, flags: flags, folder: folder(of: file))
        let root = SettingsSection(reader: reader, path: .root, tree: tree)
        let settings = Settings(root)
        root.refuseUnknownKeys()
        reader.warnOfUnknownVariables()
        settings.warn(reader)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return LoadedSettings(settings: settings, file: file, entries: reader.entries, warnings: reader.warnings)
    }

    /// Every key that the declarations know, as the documentation lists them.
    static func catalogue() -> [SettingsReader.Entry] {
        let reader = SettingsReader.catalogue()
        _ = Settings(SettingsSection(reader: reader, path: .root, tree: nil))
        return reader.entries
    }

    private static func usualFile() -> String? {
        usualFiles.first { FileManager.default.fileExists(atPath: $0) }
    }

    private static func folder(of file: String?) -> String {
        guard let file, let slash = file.lastIndex(of: "/") else { return "." }
        return slash == file.startIndex ? "/" : String(file[..<slash])
    }
}

extension Settings {
    /// What is allowed and still deserves a word.
    func warn(_ reader: SettingsReader) {
        if http.apiListen == nil, !http.listen.isLoopback, http.tls == nil {
            reader.warn(
                "notifications, API and pages share the public address \(http.listen); "
                    + "set `http.api_listen` to keep the API and the pages to yourself")
        }
        if !sources.isEmpty, merchants.isEmpty {
            reader.warn(
                "no merchants are configured: apps ask without a token and the seller of an answer is not checked")
        }
        for app in apps where app.allowsLegacyRSA {
            reader.warn("app \(app.id) accepts 1024-bit keys (allow_legacy_rsa); such keys can be broken")
        }
        for source in sources where source.signTypes.contains(.rsa) {
            reader.warn("source \(source.name) accepts sign_type RSA, which is SHA-1")
        }
    }
}
