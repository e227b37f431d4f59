import ArgumentParser

/// Where the settings of a command come from.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: [.long, .short],
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Default: SETTLED_CONFIG, ./settled.yaml, /etc/settled/settled.yaml.",
            valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(name: .long, help: "The least severe events that are logged (log.level).")
    var logLevel: String?

    @Option(name: .long, help: "auto, json or text (log.format).")
    var logFormat: String?

    /// The settings, or every problem with them at once.
    func load() throws(SettingsError) -> LoadedSettings {
        var flags: [String: SettingsReader.Found] = [:]
        flags["log.level"] = logLevel.map { .init(text: $0, origin: .flag("--log-level")) }
        flags["log.format"] = logFormat.map { .init(text: $0, origin: .flag("--log-format")) }
        return try LoadedSettings.load(file: config, flags: flags)
    }
}
