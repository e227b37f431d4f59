/// The settings of PostgreSQL without which a figure means nothing.
struct Durability: Sendable, Equatable {
    struct Setting: Sendable, Equatable {
        let name: String
        let value: String
    }

    static let names = [
        "server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers",
        "max_wal_size", "autovacuum",
    ]
    /// Off, each of them makes commits fast that a crash loses or spoils.
    private static let needed = ["fsync", "synchronous_commit", "full_page_writes"]

    let settings: [Setting]

    var text: String { settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }

    private var off: [String] { settings.filter { Self.needed.contains($0.name) && $0.value == "off" }.map(\.name) }

    /// Whether a commit that returned is on disk.
    var isDurable: Bool { off.isEmpty }

    /// What has to be said beside the figures; nil when they mean something.
    var warning: String? {
        isDurable
            ? nil
            : "WARNING: \(off.joined(separator: " and ")) off: a crash loses what was committed, so these figures mean nothing"
    }

    var json: JSONLine {
        var line = JSONLine()
        for setting in settings { line.add(setting.name, setting.value) }
        line.add("durable", isDurable)
        return line
    }
}
