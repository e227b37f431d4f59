import Alipay
import JobQueue
import Synchronization
import Testing

@testable import Settlement

/// A clock that jumps to whatever is waited for.
final class JumpingClock: Sendable {
    private let time = Mutex(Duration.seconds(1_000))
    var now: Duration { time.withLock { $0 } }

    func advance(_ span: Duration) { time.withLock { $0 += span } }

    var door: DoorClock {
        DoorClock(
            now: { self.now },
            sleep: { span in
                self.advance(span)
                await Task.yield()
                try Task.checkCancellation()
            }, random: { 0.5 })
    }
}

/// What concurrent tasks write down.
final class Notes<Entry: Sendable>: Sendable {
    private let entries = Mutex<[Entry]>([])
    var all: [Entry] { entries.withLock { $0 } }

    func add(_ entry: Entry) { entries.withLock { $0.append(entry) } }
}

@Suite(.timeLimit(.minutes(5))) struct GatewayDoorTests {
    private static let app = TestHouse.appID
    private let clock = JumpingClock()

    private func door(_ limits: GatewayLimits = GatewayLimits(rate: 1_000)) -> GatewayDoor {
        GatewayDoor(name: Self.app, limits: limits, clock: clock.door)
    }

    /// One call, from the door to its end: nil when it was its own business.
    private func call(
        _ door: GatewayDoor, _ outcome: CallOutcome, _ caller: Caller = Caller(), method: String = "m"
    ) async -> Waiting? {
        switch await door.enter(method, for: caller) {
        case .stay(let waiting): waiting
        case .go(let permit): await permit.ended(with: outcome)
        }
    }

    private func key(_ waiting: Waiting?) -> String? {
        if case .hold(let key, _, _, _) = waiting { key } else { nil }
    }

    @Test func `a greedy caller is kept to the rate, method by method`() async {
        let door = door(GatewayLimits(rate: 50, methodRates: ["slow": 5]))
        for (method, rate) in [("m", 50), ("slow", 5)] {
            let start = clock.now
            for _ in 0..<(rate * 4) { #expect(await call(door, .answered, method: method) == nil) }
            let took = (clock.now - start) / .seconds(1)
            #expect(took > 3.75 && took < 4.3, "\(method) \(took)")
        }
    }

    @Test func `two processes share the rate`() async {
        let door = door(GatewayLimits(rate: 50))
        door.share(among: 2)
        let start = clock.now
        for _ in 0..<50 { _ = await call(door, .answered) }
        #expect(clock.now - start > .milliseconds(1_800))
    }

    @Test func `other limits hold from then on, for the rate as for the breaker`() async {
        let door = door(GatewayLimits(rate: 1))
        _ = await call(door, .answered)
        var limits = GatewayLimits(rate: 1_000)
        limits.breaker.failures = 2
        door.change(limits)
        let start = clock.now
        for _ in 0..<2 { _ = await call(door, .unreachable(cause: "timeout")) }
        #expect(door.breaker == .open)
        #expect(clock.now - start < .seconds(4))
    }

    @Test func `calls that wait go in the order in which they came`() async throws {
        let door = door(GatewayLimits(rate: 20))
        let order = Notes<(caller: Int, number: Int)>()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<20 {
                group.addTask {
                    guard case .go(let permit) = await door.enter("m") else { return }
                    order.add((index, permit.number))
                    _ = await permit.ended(with: .answered)
                }
                // The next one arrives after this one stands in line.
                while door.arrivals <= index { await Task.yield() }
            }
        }
        #expect(order.all.sorted { $0.number < $1.number }.map(\.caller) == Array(0..<20))
    }

    @Test func `where the wait would be too long, callers are sent away, each to a time of its own`() async {
        let door = door(GatewayLimits(rate: 0.1, patience: .seconds(2)))
        _ = await call(door, .answered)
        var times: [Double] = []
        for _ in 0..<3 {
            if case .later(let after, _)? = await call(door, .answered) { times.append(after / .seconds(1)) }
        }
        // Ten seconds apart, and up to a tenth more.
        #expect(times.map { Int($0.rounded()) } == [11, 21, 32])
    }

    @Test func `a gateway that does not answer costs nobody an attempt`() async {
        let changes = Notes<Breaker.State>()
        let limits = GatewayLimits(
            rate: 10_000, verdictWait: .seconds(1_000_000), longestVerdictWait: .seconds(1_000_000))
        let door = GatewayDoor(name: Self.app, limits: limits, clock: clock.door) { state in
            changes.add(state)
        }
        // Twenty calls are under way when it goes down.
        var permits: [Permit] = []
        for _ in 0..<20 { if case .go(let permit) = await door.enter("m") { permits.append(permit) } }
        let waitings = await withTaskGroup(of: Waiting?.self) { group in
            for permit in permits { group.addTask { await permit.ended(with: .unreachable(cause: "timeout")) } }
            return await group.reduce(into: [Waiting?]()) { $0.append($1) }
        }
        #expect(waitings.count == 20 && waitings.allSatisfy { key($0) == "gateway:\(Self.app)" })
        #expect(key(await call(door, .answered)) == "gateway:\(Self.app)")
        #expect(changes.all == [.closed, .open])
    }

    @Test func `a failure among answers is the job's own`() async {
        let door = door()
        #expect(await call(door, .unreachable(cause: "reset")) == nil)
        #expect(await call(door, .answered) == nil)
        #expect(door.breaker == .closed)
    }

    @Test func `calls that are under way decide about one that failed, however long they take`() async {
        // The clock runs as fast as the doubting call looks at it, so its patience must outlast this test.
        let door = door(GatewayLimits(rate: 1_000, longestVerdictWait: .seconds(1_000_000)))
        guard case .go(let slow) = await door.enter("m"), case .go(let failed) = await door.enter("m") else {
            Issue.record("both must be let through")
            return
        }
        let verdict = Task { await failed.ended(with: .unreachable(cause: "reset")) }
        let start = clock.now
        // Well past the time that is waited where nothing is under way.
        while clock.now < start + .seconds(3) { await Task.yield() }
        for _ in 0..<9 {
            guard case .go(let permit) = await door.enter("m") else { break }
            Task { await permit.ended(with: .unreachable(cause: "timeout")) }
        }
        #expect(key(await verdict.value) == "gateway:\(Self.app)")
        _ = await slow.ended(with: .abandoned)
    }

    @Test func `a throttled method rests as long as it was told, and the others go on`() async {
        let door = door()
        let told = CallOutcome.throttled(cause: "isv.method-call-limited", after: .seconds(10), wholeApp: false)
        guard case .later(let after, _)? = await call(door, told) else {
            Issue.record("it must come again later")
            return
        }
        #expect(after >= .seconds(10))
        let start = clock.now
        #expect(await call(door, .answered, method: "other") == nil)
        #expect(clock.now - start < .seconds(1))
        #expect(await call(door, .answered) == nil)
        #expect(clock.now - start >= .seconds(10))
    }

    @Test func `a long ban holds the jobs until it ends`() async {
        let door = door()
        _ = await call(door, .answered, method: "other")
        let ban = CallOutcome.throttled(cause: "isv.app-call-limited", after: .seconds(600), wholeApp: true)
        for method in ["m", "m", "other"] {
            guard
                case .hold("throttle:\(Self.app)", "isv.app-call-limited", _, let probe?)? = await call(
                    door, ban, method: method)
            else {
                Issue.record("\(method) must be held")
                return
            }
            #expect(probe > .seconds(590) && probe <= .seconds(601))
        }
    }

    @Test func `what refuses the app holds the app, what refuses the merchant's token holds the merchant`() async {
        let door = door()
        let app = CallOutcome.refused(.app, cause: "isv.invalid-signature", message: "m")
        let token = CallOutcome.refused(.merchant, cause: "aop.invalid-app-auth-token", message: "m")
        #expect(key(await call(door, app, Caller(merchant: "2088"))) == "app:\(Self.app)")
        #expect(key(await call(door, token, Caller(merchant: "2088"))) == "merchant:2088")
        #expect(key(await call(door, token)) == "app:\(Self.app)", "without a merchant it is the app's own token")
        #expect(door.breaker == .closed)
    }

    @Test func `a refused timestamp is tried once more with a fresh clock`() async {
        let door = door()
        let refused = CallOutcome.refused(.app, cause: "isv.invalid-timestamp", message: "m")
        let soon = Waiting.later(after: .seconds(1), reason: "isv.invalid-timestamp: once more")
        #expect(await call(door, refused) == soon)
        #expect(key(await call(door, refused)) == "app:\(Self.app)")
        #expect(await call(door, .answered) == nil)
        #expect(await call(door, refused) == soon)
    }

    @Test func `a merchant is held only after several different trades of strangers with no success between`() async {
        let door = door(GatewayLimits(rate: 1_000, strangersBeforeHold: 3))
        func stranger(_ trade: String, _ merchant: String = "A") async -> String? {
            key(await call(door, .stranger(subject: trade, cause: "X"), Caller(merchant: merchant)))
        }
        for trade in ["1", "1", "1", "2"] { #expect(await stranger(trade) == nil) }
        #expect(await call(door, .answered, Caller(merchant: "A")) == nil)
        for trade in ["3", "4"] { #expect(await stranger(trade) == nil) }
        #expect(await call(door, .answered, Caller(merchant: "B")) == nil)
        #expect(await stranger("5") == "merchant:A")
        #expect(await stranger("6", "B") == nil)
    }

    @Test func `repeats beyond the budget come later, first calls go on`() async {
        let door = door(GatewayLimits(rate: 1_000, retryShare: 0.1, retryFloor: 0.2))
        var retry = Caller()
        retry.isRetry = true
        var sentAway = 0
        for _ in 0..<10 {
            if case .later? = await call(door, .answered, retry) { sentAway += 1 }
        }
        #expect(sentAway == 8)
        #expect(await call(door, .answered) == nil)
    }

    @Test func `a permit that is dropped counts as given up`() async {
        let door = door()
        for _ in 0..<30 {
            guard case .go(let permit) = await door.enter("m") else { return }
            _ = permit
        }
        #expect(door.breaker == .closed)
        for _ in 0..<10 { _ = await call(door, .unreachable(cause: "timeout")) }
        #expect(door.breaker == .open)
    }

    static let outcomes: [(FailureClass, String?, String, CallOutcome)] = [
        (.transport, nil, "timeout", .unreachable(cause: "timeout")),
        (.untrusted, nil, "bad_signature", .unreachable(cause: "bad_signature")),
        (.transport, nil, "cancelled", .abandoned),
        (.retry, "20000", "isp.unknow-error", .troubled(cause: "isp.unknow-error")),
        (
            .throttle, "40005", "isv.app-call-limited",
            .throttled(cause: "isv.app-call-limited", after: nil, wholeApp: true)
        ),
        (
            .throttle, "40005", "isv.method-call-limited",
            .throttled(cause: "isv.method-call-limited", after: nil, wholeApp: false)
        ),
        (.operator, "40002", "isv.invalid-signature", .refused(.app, cause: "isv.invalid-signature", message: "m")),
        (
            .operator, "20001", "aop.invalid-app-auth-token",
            .refused(.merchant, cause: "aop.invalid-app-auth-token", message: "m")
        ),
        (.belongsToOthers, "40004", "X", .stranger(subject: "T", cause: "X")),
        (.permanent, "40004", "INVALID_PARAMETER", .answered), (.pending, "10003", "10003", .answered),
        (.notExisting, "40004", "PAY_INFO_NOT_EXISTING", .answered), (.malformed, nil, "unreadable_x", .answered),
    ]

    @Test(arguments: outcomes)
    func `each class of failure says something about the gateway, the app or the job`(
        kind: FailureClass, code: String?, cause: String, outcome: CallOutcome
    ) {
        let failure = GatewayFailure(
            kind: kind, cause: cause, code: code, subCode: code == nil ? nil : cause, message: "m")
        #expect(CallOutcome(failure, subject: "T") == outcome)
    }
}
