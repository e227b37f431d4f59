import Telemetry

/// What `config check --explain` prints: every key, its value or the digest of a secret, and where it came from.
enum Explanation {
    static func table(_ loaded: LoadedSettings) -> String {
        var table = Table("KEY", "VALUE", "FROM")
        for entry in loaded.entries {
            table.add(entry.path.description, entry.value ?? "-", origin(entry))
        }
        return table.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal))
    }

    static func lines(_ loaded: LoadedSettings) -> String {
        var json = JSONText()
        for entry in loaded.entries {
            json.raw("{\"key\":")
            json.string(entry.path.description)
            json.raw(",\"value\":")
            json.string(entry.value)
            json.raw(",\"origin\":")
            json.string(origin(entry))
            json.raw(",\"environment\":")
            json.string(entry.path.environmentName)
            json.raw("}\n")
        }
        return json.text
    }

    /// One object that says that all is well, and the warnings.
    static func summary(_ loaded: LoadedSettings) -> String {
        var json = JSONText()
        json.raw("{\"ok\":true,\"file\":")
        json.string(loaded.file)
        json.raw(",\"warnings\":[")
        for (index, warning) in loaded.warnings.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(warning)
        }
        json.raw("]}\n")
        return json.text
    }

    private static func origin(_ entry: SettingsReader.Entry) -> String {
        entry.value == nil ? "not set" : entry.origin.description
    }
}
