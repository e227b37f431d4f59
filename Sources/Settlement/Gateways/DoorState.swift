import JobQueue

/// What a ``GatewayDoor`` remembers and decides. Without a clock and without a lock of its own: each call is told the time.
struct DoorState: Sendable {
    /// What to do about a call that wants to pass.
    enum Step: Sendable {
        case go(Breaker.Pass)
        case wait(Duration)
        case stay(Waiting)
    }

    /// What a call's end means for its job.
    enum Verdict: Sendable {
        case own
        case waiting(Waiting)
        /// No answer came, and whether that is the gateway's fault will show: a call that is let through from now on, and
        /// answered, shows that it is not.
        case undecided(Doubt)
    }

    /// What is not known yet about a call that got no answer.
    struct Doubt: Sendable, Hashable {
        let cause: String
        /// Calls that had been let through before it failed.
        let callsBefore: Int
        let since: Duration
    }

    private let keys: HoldKeys
    private var limits: GatewayLimits
    private var processes = 1
    private(set) var breaker: Breaker
    private var retries: RetryBudget
    private var methods: [String: Method] = [:]
    private var nextTicket: UInt64 = 0
    private var strangers: [String: Set<String>] = [:]
    /// The last refusal of a call was for its timestamp: the next one has a fresh clock.
    private var clockWasRefused = false

    private struct Method: Sendable {
        var bucket: TokenBucket
        /// Who waits for a token, in the order of arrival.
        var line: [UInt64] = []
        /// When the last of those who were sent away may come back.
        var horizon = Duration.zero
        var throttleCause = ""
    }

    init(name: String, limits: GatewayLimits) {
        keys = HoldKeys(name: name)
        self.limits = limits
        breaker = Breaker(policy: limits.breaker)
        retries = RetryBudget(share: limits.retryShare, floor: limits.retryFloor)
    }

    mutating func change(_ limits: GatewayLimits, at now: Duration) {
        self.limits = limits
        breaker.policy = limits.breaker
        retries = RetryBudget(share: limits.retryShare, floor: limits.retryFloor)
        spread(at: now)
    }

    mutating func share(among processes: Int, at now: Duration) {
        guard max(1, processes) != self.processes else { return }
        self.processes = max(1, processes)
        spread(at: now)
    }

    private mutating func spread(at now: Duration) {
        for name in Array(methods.keys) { let rate = rate(of: name); methods[name]?.bucket.change(rate: rate, at: now) }
    }

    private func rate(of method: String) -> Double {
        (limits.methodRates[method] ?? limits.rate) / Double(processes)
    }

    // MARK: Coming in

    mutating func arrive(_ name: String) -> UInt64 {
        nextTicket += 1
        methods[name]?.line.append(nextTicket)
        if methods[name] == nil {
            methods[name] = Method(bucket: TokenBucket(rate: rate(of: name), at: .zero), line: [nextTicket])
        }
        return nextTicket
    }

    var arrivals: Int { Int(nextTicket) }

    mutating func leave(_ ticket: UInt64, _ name: String) {
        methods[name]?.line.removeAll { $0 == ticket }
    }

    mutating func step(
        _ ticket: UInt64, _ name: String, _ caller: Caller, arrived: Duration, at now: Duration, _ random: Double
    ) -> Step {
        let step = decide(ticket, name, caller, arrived: arrived, at: now, random)
        if case .wait = step { return step }
        leave(ticket, name)
        return step
    }

    private mutating func decide(
        _ ticket: UInt64, _ name: String, _ caller: Caller, arrived: Duration, at now: Duration, _ random: Double
    ) -> Step {
        guard let method = methods[name], let position = method.line.firstIndex(of: ticket) else {
            return .stay(.later(after: .zero, reason: "the call was given up"))
        }
        if let waiting = standing(in: caller) { return .stay(waiting) }
        if caller.isRetry, !retries.admitsRetry(at: now) {
            return .stay(.later(after: .seconds(1 + 4 * random), reason: "too many repeated calls just now"))
        }
        if let until = method.bucket.closed(at: now), until - now > limits.patience {
            return .stay(throttled(method.throttleCause, for: until - now, caller, random))
        }
        // Who has a token left after all before it have theirs need not wait for them to take it.
        let own = method.bucket.wait(behind: position, at: now)
        if now - arrived > limits.patience || own > limits.patience || position >= limits.waitingRoom {
            return .stay(sendAway(name, at: now, random))
        }
        guard own <= .zero else { return .wait(max(.milliseconds(1), own)) }
        switch breaker.admit(mayProbe: caller.trialOf == keys.gateway, at: now) {
        case .refused: return .stay(gatewayHold)
        case .wait: return .wait(.milliseconds(5))
        case .go(let pass):
            _ = methods[name]?.bucket.take(at: now)
            retries.note(isRetry: caller.isRetry, at: now)
            return .go(pass)
        }
    }

    /// What stands in the way of this caller as other jobs have found out, here or in another process.
    private func standing(in caller: Caller) -> Waiting? {
        guard let holds = caller.holds else { return nil }
        for key in keys.all(merchant: caller.merchant) where key != caller.trialOf {
            if let entry = holds.standing(key) { return .hold(key: key, cause: entry.cause, reason: entry.reason) }
        }
        return nil
    }

    /// There is no room inside: come again when those before have gone.
    private mutating func sendAway(_ name: String, at now: Duration, _ random: Double) -> Waiting {
        guard var method = methods[name] else { return .later(after: .seconds(1), reason: "") }
        let first = now + .seconds(Double(method.line.count) / method.bucket.rate)
        method.horizon = max(method.horizon + .seconds(1 / method.bucket.rate), first)
        methods[name] = method
        let wait = method.horizon - now
        return .later(after: wait + wait * (0.1 * random), reason: "the rate of \(name) is used up for a while")
    }

    // MARK: Going out

    mutating func end(
        _ pass: Breaker.Pass, _ name: String, _ caller: Caller, _ outcome: CallOutcome, at now: Duration,
        _ random: Double
    ) -> Verdict {
        var cause = ""
        if case .unreachable(let word) = outcome { cause = word }
        if case .troubled(let word) = outcome { cause = word }
        breaker.record(outcome.breakerResult, cause: cause, pass, at: now)
        switch outcome {
        case .abandoned: return .own
        case .answered:
            clockWasRefused = false
            if let merchant = caller.merchant { strangers[merchant] = nil }
            return .own
        case .troubled:
            return (gatewayHold(caller) ?? again(caller, outcome)).map(Verdict.waiting) ?? .own
        case .unreachable(let cause):
            if let waiting = gatewayHold(caller) { return .waiting(waiting) }
            return .undecided(Doubt(cause: cause, callsBefore: breaker.admitted, since: now))
        case .throttled(let cause, let told, let wholeApp):
            let rest = (told ?? limits.throttlePause) + .seconds(random)
            close(wholeApp ? nil : name, until: now + rest, cause)
            return .waiting(again(caller, outcome) ?? throttled(cause, for: rest, caller, random))
        case .refused(let scope, let cause, let message):
            if isFirstRefusalOfTheClock(cause) {
                return .waiting(again(caller, outcome) ?? .later(after: .seconds(1), reason: "\(cause): once more"))
            }
            return .waiting(keys.refused(scope, merchant: caller.merchant, cause: cause, message: message))
        case .stranger(let subject, let cause):
            clockWasRefused = false
            return stranger(subject, cause, caller)
        }
    }

    /// What a doubt has come to; `undecided` while it stands.
    func decide(_ doubt: Doubt, _ caller: Caller, at now: Duration) -> Verdict {
        if let waiting = gatewayHold(caller) { return .waiting(waiting) }
        let limit = breaker.inFlight > 0 ? limits.longestVerdictWait : limits.verdictWait
        let isOver = breaker.latestAnswered > doubt.callsBefore || now - doubt.since >= limit
        guard isOver else { return .undecided(doubt) }
        return again(caller, .unreachable(cause: doubt.cause)).map(Verdict.waiting) ?? .own
    }

    /// The gateway is known to be down: nobody's failure is their own.
    func gatewayHold(_ caller: Caller) -> Waiting? {
        breaker.state == .open ? gatewayHold : nil
    }

    /// A job that was let out to find out, and did not, goes back to where it was.
    private func again(_ caller: Caller, _ outcome: CallOutcome) -> Waiting? {
        guard let key = caller.trialOf, !outcome.ends(key), let entry = caller.holds?.standing(key) else { return nil }
        return .hold(key: key, cause: entry.cause, reason: entry.reason)
    }

    private var gatewayHold: Waiting {
        .hold(
            key: keys.gateway, cause: breaker.lastCause.isEmpty ? "breaker_open" : breaker.lastCause,
            reason: "the gateway does not answer as it should (\(breaker.lastCause)); one job asks again now and then")
    }

    private func throttled(_ cause: String, for rest: Duration, _ caller: Caller, _ random: Double) -> Waiting {
        guard rest > limits.patience else {
            return .later(after: rest + rest * (0.2 * random), reason: "\(cause): the gateway asks for a pause")
        }
        return .hold(
            key: keys.throttle, cause: cause,
            reason: "the gateway was called too often and asks for a pause of \(rest.components.seconds) s",
            probeAfter: rest)
    }

    private mutating func close(_ name: String?, until: Duration, _ cause: String) {
        for method in Array(methods.keys) where name == nil || name == method {
            methods[method]?.bucket.close(until: until)
            methods[method]?.throttleCause = cause
        }
    }

    /// A timestamp that is refused may have been late on its way; the second one was not.
    private mutating func isFirstRefusalOfTheClock(_ cause: String) -> Bool {
        let isClock = cause.lowercased().hasSuffix("invalid-timestamp")
        defer { clockWasRefused = isClock }
        return isClock && !clockWasRefused
    }

    private mutating func stranger(_ subject: String, _ cause: String, _ caller: Caller) -> Verdict {
        guard let merchant = caller.merchant else { return .own }
        let isTrial = caller.trialOf == keys.merchant(merchant)
        var seen = strangers[merchant] ?? []
        if seen.count < limits.strangersBeforeHold { seen.insert(subject) }
        strangers[merchant] = seen
        guard isTrial || seen.count >= limits.strangersBeforeHold else { return .own }
        return .waiting(keys.strangers(of: merchant, cause: cause))
    }
}

/// The keys under which a door's jobs are held, and the words that people read there.
struct HoldKeys: Sendable, Hashable {
    let name: String

    var gateway: String { "gateway:\(name)" }
    var throttle: String { "throttle:\(name)" }
    var app: String { "app:\(name)" }
    func merchant(_ id: String) -> String { "merchant:\(id)" }

    /// In the order in which they stand in the way.
    func all(merchant id: String?) -> [String] { [gateway, throttle, app] + (id.map { [merchant($0)] } ?? []) }

    func refused(_ scope: CallOutcome.Scope, merchant id: String?, cause: String, message: String) -> Waiting {
        if scope == .merchant, let id {
            return .hold(
                key: merchant(id), cause: cause,
                reason: "the gateway refuses merchant \(id)'s authorisation of app \(name): \(message)")
        }
        return .hold(key: app, cause: cause, reason: "the gateway refuses app \(name): \(message)")
    }

    func strangers(of id: String, cause: String) -> Waiting {
        .hold(
            key: merchant(id), cause: cause,
            reason: "several trades in a row are said not to be merchant \(id)'s: is its app_auth_token the right one?")
    }
}
