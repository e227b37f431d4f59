/// How much of anything one notification, one peer or one source may take.
struct LimitSettings: Sendable {
    var body: Int
    var parameters: Int
    var headers: Int
    var connections: Int
    var idleTimeout: Duration
    var requestDeadline: Duration
    var storeDeadline: Duration
    var unverifiedPerSecond: Int

    init(_ section: SettingsSection) {
        body = section.value(
            "body", .bytes(16_384...(4 << 20)), default: 262_144,
            "Largest notification; 5,000 bill ids fit into the default.")
        parameters = section.value(
            "parameters", .integer(32...4096), default: 256, "Most parameters of a notification.")
        headers = section.value("headers", .integer(16...1000), default: 64, "Most header fields of a request.")
        connections = section.value(
            "connections", .integer(16...65_536), default: 4096,
            "Most connections of a listener, but 64 of the one for metrics and health; more wait.")
        idleTimeout = section.value(
            "idle_timeout", .duration(.seconds(1) ... .seconds(600)), default: .seconds(15),
            "When a connection on which nothing happens is closed.")
        requestDeadline = section.value(
            "request_deadline", .duration(.milliseconds(500) ... .seconds(60)), default: .seconds(10),
            "How long a notification may take to arrive, from its first byte to its last.")
        storeDeadline = section.value(
            "store_deadline", .duration(.milliseconds(500) ... .seconds(60)), default: .seconds(8),
            "How long storing may take before the answer is 503.")
        unverifiedPerSecond = section.value(
            "unverified_per_second", .integer(1...100_000), default: 50,
            "Notifications of one source that may fail verification in a second and still be kept; more are answered 429."
        )
    }
}

/// How long what is no longer needed is kept.
struct RetentionSettings: Sendable {
    var deliveries: Duration
    var gatewayLog: Duration
    var finishedJobs: Duration
    var unverified: Duration
    var unverifiedBytes: Int

    init(_ section: SettingsSection) {
        let days = SettingShape.duration(.seconds(86_400) ... .seconds(36_500 * 86_400))
        deliveries = section.value(
            "deliveries", days, default: .seconds(400 * 86_400),
            "Raw notifications; afterwards only their digest is kept, for ever.")
        gatewayLog = section.value(
            "gateway_log", days, default: .seconds(30 * 86_400),
            "Answers of gateways that are not evidence of a settlement.")
        finishedJobs = section.value(
            "finished_jobs", days, default: .seconds(90 * 86_400), "Jobs that have ended, with their attempts.")
        unverified = section.value(
            "unverified", days, default: .seconds(7 * 86_400), "Notifications that did not verify.")
        unverifiedBytes = section.value(
            "unverified_bytes", .bytes((1 << 20)...(1 << 40)), default: 1 << 30,
            "Notifications of one source that did not verify, in bytes; the oldest go first.")
    }
}

/// What is logged and how.
struct LogSettings: Sendable {
    enum Level: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error, critical }
    enum Format: String, Sendable, CaseIterable { case auto, json, text }

    var level: Level
    var format: Format

    init(_ section: SettingsSection) {
        level = section.value(
            "level", .choice(Level.allCases), default: .info, "The least severe events that are logged.")
        format = section.value(
            "format", .choice(Format.allCases), default: .auto,
            "One JSON object a line, or text for people; auto is text on a terminal and JSON elsewhere.")
    }
}
