import Foundation

/// Reads settings out of their layers, flags over environment over credentials over the file over defaults, and remembers
/// every key that was asked for, what it answered and from where, and everything that was wrong.
///
/// The declarations of ``Settings`` ask it key by key. The same declarations, asked for a ``SettingsReader/catalogue``,
/// yield the list of all keys that the documentation is checked against: a key cannot be read without being declared.
final class SettingsReader {
    /// One key that was asked for.
    struct Entry: Sendable {
        let path: SettingPath
        let expectation: String
        /// The default as text; nil when there is none.
        let standard: String?
        let summary: String
        /// The value as text, secrets as their digest; nil when it is not set and has no default.
        let value: String?
        let origin: SettingOrigin
    }

    /// A text that a layer holds for a key.
    struct Found {
        let text: String
        let origin: SettingOrigin
    }

    let environment: [String: String]
    let flags: [String: Found]
    let isCatalogue: Bool
    private let folder: String
    private let credentials: String?
    private var asked: Set<String> = []
    private var troubled: Set<SettingPath> = []
    private(set) var entries: [Entry] = []
    private(set) var problems: [SettingsProblem] = []
    private(set) var warnings: [String] = []

    /// - Parameters:
    ///   - folder: what relative file names are relative to.
    ///   - flags: texts from the command line by the path of their key.
    init(environment: [String: String], flags: [String: Found] = [:], folder: String) {
        self.environment = environment
        self.flags = flags
        self.folder = folder
        self.isCatalogue = false
        credentials = environment["CREDENTIALS_DIRECTORY"]
    }

    private init() {
        environment = [:]
        flags = [:]
        folder = "."
        isCatalogue = true
        credentials = nil
    }

    /// A reader that finds nothing, enters every optional section and reads one element of every list.
    static func catalogue() -> SettingsReader { SettingsReader() }

    /// - Parameter path: the key that cannot be used; a later complaint that it is missing would be a second one for one fault.
    func complain(_ sentence: String, at path: SettingPath? = nil) {
        guard !isCatalogue else { return }
        problems.append(SettingsProblem(sentence))
        if let path { troubled.insert(path) }
    }

    func hasProblem(at path: SettingPath) -> Bool { troubled.contains(path) }

    func warn(_ sentence: String) {
        guard !isCatalogue else { return }
        warnings.append(sentence)
    }

    func record(_ entry: Entry) {
        entries.append(entry)
    }

    /// The text of a variable; an empty one counts as unset, as it does for libpq and in compose files.
    func variable(_ name: String) -> Found? {
        asked.insert(name)
        guard let text = environment[name], !text.isEmpty else { return nil }
        return Found(text: text, origin: .environment(name))
    }

    /// The indices `N` for which a variable `PREFIX_N` or `PREFIX_N_…` exists.
    func indices(below path: SettingPath) -> Set<Int> {
        let prefix = path.environmentName + "_"
        return Set(
            environment.keys.compactMap { name in
                guard name.hasPrefix(prefix) else { return nil }
                return Int(name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber })
            })
    }

    func hasVariables(below path: SettingPath) -> Bool {
        let prefix = path.environmentName + "_"
        return environment.contains { $0.key.hasPrefix(prefix) && !$0.value.isEmpty }
    }

    /// A systemd credential for `path`, when the service manager passed one.
    func credential(_ path: SettingPath) -> (file: String, origin: SettingOrigin)? {
        guard let credentials else { return nil }
        let file = credentials + "/" + path.credentialName
        return FileManager.default.fileExists(atPath: file) ? (file, .credential(path.credentialName)) : nil
    }

    /// A name relative to the folder of the configuration file as a path from here.
    func resolve(_ name: String) -> String {
        name.hasPrefix("/") || folder == "." ? name : folder + "/" + name
    }

    /// Variables that begin with SETTLED_ and that nobody asked for.
    ///
    /// They are warnings and not errors: Kubernetes puts `SETTLED_SERVICE_HOST` and the like into every container
    /// beside a service named `settled`, and a program must not refuse to start for that.
    func warnOfUnknownVariables() {
        let own: Set = ["SETTLED_CONFIG", "SETTLED_FAILPOINT"]
        for name in environment.keys.sorted() where name.hasPrefix("SETTLED_") {
            guard !asked.contains(name), !own.contains(name) else { continue }
            warn("the variable \(name) sets nothing\(NearestWord.question(name, among: asked))")
        }
    }
}
