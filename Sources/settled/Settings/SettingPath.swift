/// The way to a setting through sections and lists, and its names in the three places where it can be set.
struct SettingPath: Sendable, Hashable, CustomStringConvertible {
    enum Step: Sendable, Hashable {
        case key(String)
        case index(Int)
    }

    private(set) var steps: [Step] = []

    static let root = SettingPath()

    func appending(_ key: String) -> SettingPath { SettingPath(steps: steps + [.key(key)]) }
    func appending(_ index: Int) -> SettingPath { SettingPath(steps: steps + [.index(index)]) }

    /// As people write it: `apps[0].private_key`.
    var description: String {
        steps.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += text.isEmpty ? key : "." + key
            case .index(let index): text += "[\(index)]"
            }
        }
    }

    /// As the documentation lists it: `apps[].private_key`.
    var pattern: String {
        steps.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += text.isEmpty ? key : "." + key
            case .index: text += "[]"
            }
        }
    }

    /// `SETTLED_APPS_0_PRIVATE_KEY`.
    var environmentName: String {
        steps.reduce(into: "SETTLED") { text, step in
            switch step {
            case .key(let key): text += "_" + key.uppercased()
            case .index(let index): text += "_\(index)"
            }
        }
    }

    /// The file name of a systemd credential: `apps.0.private_key`.
    var credentialName: String {
        steps.map { step in
            switch step {
            case .key(let key): key
            case .index(let index): String(index)
            }
        }.joined(separator: ".")
    }
}
