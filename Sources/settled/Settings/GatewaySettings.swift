import Settlement

/// How gateways are called: how long, how often, and when not at all.
struct GatewaySettings: Sendable {
    /// A rate of its own for an app, a method, or one method of one app.
    struct Rate: Sendable, Hashable {
        /// nil: for every app.
        var app: String?
        /// nil: for every method.
        var method: String?
        var perSecond: Int
    }

    var deadline: Duration
    var ratePerSecond: Int
    var rates: [Rate]
    var retryPercent: Int
    var retryFloorPerSecond: Int
    var breakerFailures: Int
    var probeInterval: Duration

    init(_ section: SettingsSection, apps: [AppSettings]) {
        deadline = section.value(
            "deadline", .duration(.milliseconds(100) ... .seconds(120)), default: .seconds(10),
            "How long a call may take in all.")
        ratePerSecond = section.value(
            "rate_per_second", .integer(1...100_000), default: 200,
            "Calls of one method of one app in a second, all workers together.")
        retryPercent = section.value(
            "retry_percent", .integer(0...100), default: 10,
            "The part of all calls that may be repeats of failed ones, on top of the next key.")
        retryFloorPerSecond = section.value(
            "retry_floor_per_second", .integer(1...10_000), default: 20,
            "Repeats in a second that are always allowed, so that a quiet line is not held up.")
        breakerFailures = section.value(
            "breaker_failures", .integer(3...1_000), default: 10,
            "Calls in a row without an answer after which no more are made and jobs are held.")
        probeInterval = section.value(
            "probe_interval", .duration(.seconds(1) ... .seconds(3600)), default: .seconds(60),
            "How often one held job is let out to find out whether the cause has passed.")
        let ids = apps.map(\.id).filter { !$0.isEmpty }
        rates = section.sections("rates", identity: ("method", Self.name)) { section in
            let rate = Rate(
                app: section.optional("app", .known(ids, as: "the id of an app"), "The app; every app when not set."),
                method: section.optional("method", .text, "The method's name; every method when not set."),
                perSecond: section.required(
                    "rate_per_second", .integer(1...100_000), placeholder: 1, "Calls in a second."))
            if rate.app == nil, rate.method == nil {
                section.complain(missing: "method", expectation: "a method, an app, or both; else set the common rate")
            }
            return rate
        }
    }

    private static func name(_ rate: Rate) -> String { "\(rate.app ?? "*") \(rate.method ?? "*")" }

    /// What a door of `app` keeps to. The more a rate says for whom it is, the more it counts.
    func limits(of app: String) -> GatewayLimits {
        let own = rates.first { $0.app == app && $0.method == nil }?.perSecond ?? ratePerSecond
        var methods: [String: Double] = [:]
        for rate in rates where rate.app == nil || rate.app == app {
            guard let method = rate.method, rate.app != nil || methods[method] == nil else { continue }
            methods[method] = Double(rate.perSecond)
        }
        var limits = GatewayLimits(rate: Double(own), methodRates: methods)
        limits.retryShare = Double(retryPercent) / 100
        limits.retryFloor = Double(retryFloorPerSecond)
        limits.breaker.failures = breakerFailures
        return limits
    }
}
