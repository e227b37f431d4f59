import JobQueue
import Synchronization

/// What every call of a gateway passes: one door for each gateway and app (or TOP app key).
///
/// ```swift
/// switch await door.enter(method, for: Caller(lease, merchant: sellerID, holds: board)) {
/// case .stay(let waiting): return .finish(waiting.disposition)
/// case .go(let permit):
///     let answer = await gateway.payResult(…)
///     if let waiting = await permit.ended(with: CallOutcome(failure, subject: tradeNo)) { return .finish(waiting.disposition) }
/// }
/// ```
///
/// It keeps to the rate of each method, lets nothing through while the gateway is down (``Breaker``), rests when the gateway
/// says so, bounds repeats (``RetryBudget``), and tells failures that are the job's own from those that concern everybody:
/// those hold all jobs under a key, and spend no attempt.
public final class GatewayDoor: Sendable {
    /// Names the gateway's app in hold keys and metrics: the app id, or `top:APPKEY`.
    public let name: String
    private let clock: DoorClock
    private let state: Mutex<DoorState>
    private let breakerChanged: @Sendable (Breaker.State) -> Void

    /// - Parameter breakerChanged: told the breaker's state at the beginning and whenever it changes.
    public init(
        name: String, limits: GatewayLimits = GatewayLimits(), clock: DoorClock = .system,
        breakerChanged: @escaping @Sendable (Breaker.State) -> Void = { _ in }
    ) {
        self.name = name
        self.clock = clock
        self.breakerChanged = breakerChanged
        state = Mutex(DoorState(name: name, limits: limits))
        breakerChanged(.closed)
    }

    public var breaker: Breaker.State { state.withLock { $0.breaker.state } }

    /// How many calls have come to the door.
    var arrivals: Int { state.withLock { $0.arrivals } }

    /// Other limits from now on.
    public func change(_ limits: GatewayLimits) {
        let now = clock.now()
        state.withLock { $0.change(limits, at: now) }
    }

    /// How many processes call the gateway, this one included: each takes its part of the rates.
    public func share(among processes: Int) {
        let now = clock.now()
        state.withLock { $0.share(among: processes, at: now) }
    }

    /// Waits for a place, briefly, and says whether to call. Returns `.stay` also when the task is cancelled.
    public func enter(_ method: String, for caller: Caller = Caller()) async -> Admission {
        let arrival = clock.now()
        let ticket = state.withLock { $0.arrive(method) }
        while true {
            let (step, before, after) = state.withLock { state in
                let before = state.breaker.state
                let step = state.step(ticket, method, caller, arrived: arrival, at: clock.now(), clock.random())
                return (step, before, state.breaker.state)
            }
            if before != after { breakerChanged(after) }
            switch step {
            case .go(let pass): return .go(Permit(door: self, method: method, caller: caller, pass: pass))
            case .stay(let waiting): return .stay(waiting)
            case .wait(let pause):
                do { try await clock.sleep(pause) } catch {
                    state.withLock { $0.leave(ticket, method) }
                    return .stay(.later(after: .zero, reason: "the call was given up"))
                }
            }
        }
    }

    /// - Returns: what the job must wait for; nil when the outcome is its own.
    fileprivate func end(_ permit: Permit, _ outcome: CallOutcome) async -> Waiting? {
        var verdict = settle(permit, outcome)
        while case .undecided(let doubt) = verdict {
            // Is it the gateway, or this call? A runner that gives up the job meanwhile does not ask any more.
            do { try await clock.sleep(.milliseconds(10)) } catch { return nil }
            verdict = state.withLock { $0.decide(doubt, permit.caller, at: clock.now()) }
        }
        if case .waiting(let waiting) = verdict { return waiting }
        return nil
    }

    fileprivate func abandon(_ permit: Permit) {
        _ = settle(permit, .abandoned)
    }

    private func settle(_ permit: Permit, _ outcome: CallOutcome) -> DoorState.Verdict {
        let now = clock.now()
        let (verdict, before, after) = state.withLock { state in
            let before = state.breaker.state
            let verdict = state.end(permit.pass, permit.method, permit.caller, outcome, at: now, clock.random())
            return (verdict, before, state.breaker.state)
        }
        if before != after { breakerChanged(after) }
        return verdict
    }
}

/// The right to make one call. One that is let go without a word counts as given up.
public final class Permit: Sendable {
    fileprivate let door: GatewayDoor
    fileprivate let method: String
    fileprivate let caller: Caller
    fileprivate let pass: Breaker.Pass
    private let hasEnded = Mutex(false)

    /// Counted through all permits of the door, in the order in which they were given.
    var number: Int { pass.number }

    fileprivate init(door: GatewayDoor, method: String, caller: Caller, pass: Breaker.Pass) {
        self.door = door
        self.method = method
        self.caller = caller
        self.pass = pass
    }

    deinit {
        if !hasEnded.withLock({ $0 }) { door.abandon(self) }
    }

    /// Says how the call ended.
    ///
    /// A call without an answer may wait here for a moment, to see whether the gateway is down for everybody.
    /// - Returns: what the job is to wait for, without spending an attempt; nil when the outcome is the job's own.
    public func ended(with outcome: CallOutcome) async -> Waiting? {
        let isFirst = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
        return isFirst ? await door.end(self, outcome) : nil
    }
}
