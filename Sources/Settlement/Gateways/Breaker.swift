/// Whether calls of one gateway pass: closed while it answers, open while it does not, half open while one call finds out.
///
/// A pure state machine; time is a duration since any fixed moment, handed in. It opens after a run of failures, or when too
/// large a share of the calls of a window failed. When it closes again, few calls may be under way at first, and each
/// that is answered admits one more, so that a gateway that has just come back is not run over.
public struct Breaker: Sendable, Hashable {
    public struct Policy: Sendable, Hashable {
        /// So many failures without an answer between them open it.
        public var failures = 10
        /// Or so few of them, when the first is at least `quietSpan` old: where little is asked, ten failures take hours.
        public var quietFailures = 3
        public var quietSpan: Duration = .seconds(5)
        /// Or this share of the calls of a window, when the window has at least `windowCalls`.
        public var failureShare = 0.5
        public var window: Duration = .seconds(10)
        public var windowCalls = 20
        /// How long it stays open before an ordinary call may try, where no held job does (see ``GatewayDoor``).
        public var openFor: Duration = .seconds(5)
        /// Calls under way at the same time right after it has closed.
        public var firstAllowance = 4

        public init() {}
    }

    public enum State: Int, Sendable, Hashable, CaseIterable {
        case closed = 0
        case halfOpen = 1
        case open = 2
    }

    /// What an ended call says about the gateway.
    public enum Result: Sendable, Hashable {
        /// It answered.
        case success
        /// It answered that it is in trouble itself. Told apart from a failure, because one trade may always be answered so:
        /// only as a share of many calls does it count against the gateway.
        case trouble
        /// No answer, or none that can be believed.
        case failure
        /// The call told nothing: it was given up.
        case nothing
    }

    public enum Admission: Sendable, Hashable {
        case go(Pass)
        /// Something under way will decide soon.
        case wait
        case refused
    }

    /// What an admitted call gives back with its result: a result that belongs to an earlier state says nothing any more.
    public struct Pass: Sendable, Hashable {
        let generation: Int
        /// Counted through all calls.
        let number: Int
    }

    private enum Phase: Sendable, Hashable {
        case closed
        case open(since: Duration)
        case halfOpen
    }

    public var policy: Policy
    private var phase = Phase.closed
    private var generation = 0
    /// Calls of this state that have not ended.
    public private(set) var inFlight = 0
    /// Calls that may be under way at once; nil: any number.
    private var allowance: Int?
    private var run = 0
    private var runBegan = Duration.zero
    private var window: FailureWindow
    /// Calls ever let through, and the latest of them that was answered.
    public private(set) var admitted = 0
    public private(set) var latestAnswered = 0
    /// The cause of the failure that opened it, or of the last one.
    public private(set) var lastCause = ""

    public init(policy: Policy = Policy()) {
        self.policy = policy
        window = FailureWindow(span: policy.window)
    }

    public var state: State {
        switch phase {
        case .closed: .closed
        case .halfOpen: .halfOpen
        case .open: .open
        }
    }

    /// Whether failures have been seen since the last answer, so that the next ones may open it.
    public var isInDoubt: Bool { state == .closed && run > 0 }

    /// Lets a call pass, or not.
    ///
    /// - Parameter mayProbe: whether this call may be the one that finds out while the breaker is open.
    public mutating func admit(mayProbe: Bool, at now: Duration) -> Admission {
        switch phase {
        case .closed:
            if let allowance, inFlight >= allowance { return .wait }
        case .halfOpen:
            return .wait
        case .open(let since):
            guard mayProbe || now - since >= policy.openFor else { return .refused }
            enter(.halfOpen)
        }
        inFlight += 1
        admitted += 1
        return .go(Pass(generation: generation, number: admitted))
    }

    /// Lets the next call find out, whatever the clock says: somebody else has seen the gateway answer.
    public mutating func mayProbeNow(at now: Duration) {
        if case .open = phase { phase = .open(since: now - policy.openFor) }
    }

    /// Takes note of how an admitted call ended. Returns whether the state changed.
    @discardableResult
    public mutating func record(_ result: Result, cause: String = "", _ pass: Pass, at now: Duration) -> Bool {
        if result == .success || result == .trouble { latestAnswered = max(latestAnswered, pass.number) }
        guard pass.generation == generation else { return false }
        inFlight -= 1
        let before = state
        if result == .failure || result == .trouble { lastCause = cause }
        switch (phase, result) {
        case (.open, _): break
        case (.halfOpen, .success):
            enter(.closed)
            allowance = policy.firstAllowance
        case (.halfOpen, .failure), (.halfOpen, .trouble): enter(.open(since: now))
        // The call that was to find out was given up: the next one may.
        case (.halfOpen, .nothing): enter(.open(since: now - policy.openFor))
        case (.closed, .nothing): break
        case (.closed, .success):
            run = 0
            window.note(failed: false, at: now)
            if let some = allowance { allowance = some < 4_096 ? some + 1 : nil }
        case (.closed, .trouble):
            window.note(failed: true, at: now)
            if isOver(at: now) { enter(.open(since: now)) }
        case (.closed, .failure):
            if run == 0 { runBegan = now }
            run += 1
            window.note(failed: true, at: now)
            if isOver(at: now) { enter(.open(since: now)) }
        }
        return state != before
    }

    private func isOver(at now: Duration) -> Bool {
        if run >= policy.failures { return true }
        if run >= policy.quietFailures, now - runBegan >= policy.quietSpan { return true }
        let (calls, failed) = window.counts(at: now)
        return calls >= policy.windowCalls && Double(failed) >= policy.failureShare * Double(calls)
    }

    /// A new state forgets what the earlier one counted; its calls are under way still, and their results are passed over.
    private mutating func enter(_ next: Phase) {
        phase = next
        generation += 1
        inFlight = 0
        allowance = nil
        run = 0
        window = FailureWindow(span: policy.window)
    }
}

/// Calls and failed ones of the last while, in tenths of it.
struct FailureWindow: Sendable, Hashable {
    private static let slots = 10
    private let slot: Duration
    private var calls = [Int](repeating: 0, count: slots)
    private var failed = [Int](repeating: 0, count: slots)
    private var newest: Int64 = 0

    init(span: Duration) {
        slot = max(span / Self.slots, .milliseconds(1))
    }

    mutating func note(failed isFailure: Bool, at now: Duration) {
        advance(to: now)
        let index = Int(newest % Int64(Self.slots))
        calls[index] += 1
        if isFailure { failed[index] += 1 }
    }

    func counts(at now: Duration) -> (calls: Int, failed: Int) {
        var copy = self
        copy.advance(to: now)
        return (copy.calls.reduce(0, +), copy.failed.reduce(0, +))
    }

    private mutating func advance(to now: Duration) {
        let current = max(newest, Int64(now / slot))
        for step in 0..<min(current - newest, Int64(Self.slots)) {
            let index = Int((newest + 1 + step) % Int64(Self.slots))
            calls[index] = 0
            failed[index] = 0
        }
        // Past a whole window every slot has been emptied, whichever they were.
        if current - newest >= Int64(Self.slots) {
            calls = calls.map { _ in 0 }
            failed = failed.map { _ in 0 }
        }
        newest = current
    }
}
