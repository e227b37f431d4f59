/// How gateways are called: what a ``GatewayDoor`` keeps to. Rates are calls a second, from all processes together where the
/// door is told how many there are, else from each.
public struct GatewayLimits: Sendable, Hashable {
    /// For each method that has no rate of its own.
    public var rate: Double
    /// By method name.
    public var methodRates: [String: Double]
    public var breaker: Breaker.Policy
    /// Repeated calls may be this share of all calls, on top of `retryFloor` a second.
    public var retryShare: Double
    public var retryFloor: Double
    /// How long a call may wait inside the door before its job is sent away to come again.
    public var patience: Duration
    /// How many calls of one method may wait inside at the same time, so that a slow gateway does not take all places of a
    /// runner that serves others too.
    public var waitingRoom: Int
    /// How long a call that got no answer waits to see whether the gateway is down: if it is, the failure is not the job's.
    public var verdictWait: Duration
    /// And how long while other calls are under way, which will show it.
    public var longestVerdictWait: Duration
    /// How long a method rests when it was called too often and nobody said how long.
    public var throttlePause: Duration
    /// So many different trades of a merchant must be refused as somebody else's, with no success between, before the
    /// merchant's token is held to be the wrong one.
    public var strangersBeforeHold: Int

    public init(
        rate: Double = 200, methodRates: [String: Double] = [:], breaker: Breaker.Policy = Breaker.Policy(),
        retryShare: Double = 0.1, retryFloor: Double = 20, patience: Duration = .seconds(30), waitingRoom: Int = 256,
        verdictWait: Duration = .seconds(1),
        longestVerdictWait: Duration = .seconds(10), throttlePause: Duration = .seconds(20),
        strangersBeforeHold: Int = 5
    ) {
        self.rate = rate
        self.methodRates = methodRates
        self.breaker = breaker
        self.retryShare = retryShare
        self.retryFloor = retryFloor
        self.patience = patience
        self.waitingRoom = waitingRoom
        self.verdictWait = verdictWait
        self.longestVerdictWait = longestVerdictWait
        self.throttlePause = throttlePause
        self.strangersBeforeHold = strangersBeforeHold
    }
}

/// The door's time and chance, so that tests have their own.
public struct DoorClock: Sendable {
    /// Since any fixed moment; never goes back.
    public var now: @Sendable () -> Duration
    public var sleep: @Sendable (Duration) async throws -> Void
    /// In 0..<1.
    public var random: @Sendable () -> Double

    public init(
        now: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    public static let system: DoorClock = {
        let beginning = ContinuousClock.now
        return DoorClock(now: { beginning.duration(to: .now) }, sleep: { try await Task.sleep(for: $0) })
    }()
}
