/// One thing that is wrong with the configuration, as one sentence that names the key, the place and what was expected.
struct SettingsProblem: Sendable, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Everything that is wrong with the configuration, so that one run is enough to mend it.
struct SettingsError: Error, Sendable, CustomStringConvertible {
    let problems: [SettingsProblem]

    var description: String { problems.map(\.description).joined(separator: "\n") }
}
