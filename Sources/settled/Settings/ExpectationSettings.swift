/// How long expected payments may go unannounced, and how often that is looked at.
struct ExpectationSettings: Sendable {
    var grace: Duration
    var sweepInterval: Duration

    init(_ section: SettingsSection) {
        grace = section.value(
            "grace", .duration(.seconds(0) ... .seconds(30 * 86_400)), default: .seconds(600),
            "How long after it is added the notification of an expected payment may take.")
        sweepInterval = section.value(
            "sweep_interval", .duration(.milliseconds(100) ... .seconds(3600)), default: .seconds(60),
            "How often workers look for expectations whose time is up.")
    }
}
