/// Where the value of a setting came from; shown by `config check --explain` and named in every complaint.
enum SettingOrigin: Sendable, Hashable, CustomStringConvertible {
    /// Nobody set it.
    case standard
    case file(SettingPlace)
    case environment(String)
    case flag(String)
    /// A systemd credential, by its name in `$CREDENTIALS_DIRECTORY`.
    case credential(String)

    var description: String {
        switch self {
        case .standard: "default"
        case .file(let place): place.description
        case .environment(let name): "environment \(name)"
        case .flag(let name): "flag \(name)"
        case .credential(let name): "credential \(name)"
        }
    }
}

/// A line and a column of the configuration file, both from 1.
struct SettingPlace: Sendable, Hashable, CustomStringConvertible {
    let file: String
    let line: Int
    let column: Int

    var description: String { "\(file):\(line):\(column)" }
}
