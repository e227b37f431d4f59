import JobQueue

/// How jobs are worked on, and how often what failed is tried again.
struct WorkSettings: Sendable {
    var concurrency: Int
    var claimBatch: Int
    var settleBatch: Int
    var pollInterval: Duration
    var lease: Duration
    var heartbeat: Duration
    var drain: Duration
    var retry: RetrySettings

    init(_ section: SettingsSection) {
        concurrency = section.value(
            "concurrency", .integer(1...4096), default: 128, "Gateway calls of one process at a time.")
        claimBatch = section.value("claim_batch", .integer(1...5000), default: 200, "Jobs claimed at once.")
        settleBatch = section.value(
            "settle_batch", .integer(1...5000), default: 100, "Jobs whose results are written in one transaction.")
        pollInterval = section.value(
            "poll_interval", .duration(.milliseconds(50) ... .seconds(60)), default: .seconds(1),
            "How often an idle worker looks for jobs when nothing wakes it.")
        lease = section.value(
            "lease", .duration(.seconds(10) ... .seconds(3600)), default: .seconds(30),
            "How long a claimed job stays with a worker that is no longer heard of.")
        heartbeat = section.value(
            "heartbeat", .duration(.seconds(1) ... .seconds(600)), default: .seconds(10),
            "How often a worker says that it is alive; at most half of `lease`.")
        drain = section.value(
            "drain", .duration(.seconds(0) ... .seconds(600)), default: .seconds(25),
            "How long jobs under way may take when the program is asked to stop.")
        retry = section.section("retry") { RetrySettings($0, inherited: .standard) }
        if heartbeat * 2 > lease {
            section.complain(
                about: "heartbeat",
                "\(DurationText.text(heartbeat)) is more than half of `lease` (\(DurationText.text(lease))), "
                    + "so that one lost heartbeat would lose the job")
        }
    }
}

/// When a job that failed is tried again: for most failures, and for trades that the gateway does not know yet
/// (PAY_INFO_NOT_EXISTING), since a notification may outrun the gateway's own data.
struct RetrySettings: Sendable, Hashable {
    var usual: RetryPolicy
    var notExisting: RetryPolicy

    static let standard = RetrySettings(
        usual: RetryPolicy(),
        notExisting: RetryPolicy(first: .seconds(1), cap: .seconds(3600), budget: .seconds(48 * 3600)))

    init(usual: RetryPolicy, notExisting: RetryPolicy) {
        self.usual = usual
        self.notExisting = notExisting
    }

    /// - Parameter inherited: what holds for a key that is not set here.
    init(_ section: SettingsSection, inherited: RetrySettings) {
        let wait = SettingShape.duration(.milliseconds(100) ... .seconds(7 * 86_400))
        let budget = SettingShape.duration(.seconds(60) ... .seconds(90 * 86_400))
        let first = section.value(
            "first", wait, default: inherited.usual.first,
            "The longest wait after the first failure; it doubles with each further one.")
        usual = RetryPolicy(
            first: first,
            cap: section.value("cap", wait, default: inherited.usual.cap, "No wait is longer."),
            budget: section.value(
                "budget", budget, default: inherited.usual.budget,
                "How long a job is tried before a person must look at it."))
        notExisting = RetryPolicy(
            first: first,
            cap: section.value(
                "not_existing_cap", wait, default: inherited.notExisting.cap,
                "No wait is longer while the gateway does not know the trade yet."),
            budget: section.value(
                "not_existing_budget", budget, default: inherited.notExisting.budget,
                "How long a trade may stay unknown before it is quarantined."))
        for (key, longest) in [("cap", usual.cap), ("not_existing_cap", notExisting.cap)] where first > longest {
            section.complain(
                about: key, "\(DurationText.text(longest)) is shorter than `first` (\(DurationText.text(first)))")
        }
    }
}
