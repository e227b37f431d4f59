/// Every key of the configuration as Markdown tables, one for each section; taken from the declarations themselves.
enum SettingsReference {
    static var markdown: String {
        var entries = LoadedSettings.catalogue()[...]
        var text = ""
        while let first = entries.first {
            let section = first.path.section
            text += "### `\(section)`\n\n"
            if let purpose = purposes[section] { text += purpose + "\n\n" }
            text += "| Key | Default | Variable | What it is |\n|---|---|---|---|\n"
            let own = entries.prefix { $0.path.section == section }
            text += own.map(row).joined() + "\n"
            entries = entries.dropFirst(own.count)
        }
        return text
    }

    private static func row(_ entry: SettingsReader.Entry) -> String {
        let standard = entry.standard.map { $0 == "required" ? $0 : $0.isEmpty ? "empty" : "`\($0)`" } ?? "not set"
        let meaning = "\(entry.summary) Expected: \(entry.expectation)."
        return "| `\(entry.path.pattern)` | \(standard) | `\(entry.path.environmentName)` | \(meaning) |\n"
    }

    /// What each section is for.
    private static let purposes = [
        "database": "Where PostgreSQL is, and how many connections each kind of work may hold.",
        "http": "Where the program listens, and whom it believes.",
        "apps[]": "One application at Alipay: who we are there, and the keys of both sides. "
            + "Either Alipay's public key, or the three certificates; see keys.md.",
        "work":
            "How jobs are worked on, and how often what failed is tried again. `retry` holds for every source without its own.",
        "merchants[]":
            "One property company that payments are for. Without any, the app asks for itself and without a token.",
        "sources[]":
            "One place that notifications come to, `POST /notify/NAME`: how they are signed and how they are answered.",
        "taobao": "The TOP gateway, which withholding is asked through. The section may be absent.",
        "withholding": "How withholding orders are followed until they end. The section may be absent.",
        "agreements": "How withholding agreements are compared with Alipay's. The section may be absent.",
        "expectations":
            "How long expected payments may go unannounced; see missing-notifications.md.",
        "gateway": "How gateways are called; docs/gateways.md tells what each does. Rates are shared by all workers.",
        "limits": "How much of anything one notification, one peer or one source may take.",
        "retention": "How long what is no longer needed is kept.",
        "log": "What is logged and how.",
    ]
}

extension SettingPath {
    /// The part of the document that a key belongs to: `database`, `apps[]`.
    fileprivate var section: String {
        SettingPath(steps: Array(steps.prefix(steps.count > 1 && steps[1] == .index(0) ? 2 : 1))).pattern
    }
}
