import Synchronization

/// The platform's own memory: the orders, what it was asked about each, the session that holds, and the ban that lasts.
public final class OrderBook: Sendable {
    /// A limit on calls: more than `calls` within `span` begin a ban.
    public struct Limit: Sendable, Hashable {
        public var calls: Int
        public var span: Duration
        public var ban: Duration

        public init(calls: Int, span: Duration, ban: Duration) {
            self.calls = calls
            self.span = span
            self.ban = ban
        }
    }

    private struct Key: Hashable {
        let id: String
        let code: String
    }

    private struct Ban {
        var until: Int64
        var length: Int64
        var isDailyQuota: Bool
    }

    private struct State {
        var orders: [Key: PlatformOrder] = [:]
        var questions: [Key: [String]] = [:]
        var refusals: [String: Int] = [:]
        var session: String?
        var limit: Limit?
        var recent: [Int64] = []
        var ban: Ban?
        var asksDuringBans = 0
    }

    private let state: Mutex<State>

    /// - Parameter session: the session key that holds; nil asks for none.
    public init(_ orders: [PlatformOrder] = [], session: String? = nil, limit: Limit? = nil) {
        var state = State(session: session, limit: limit)
        for order in orders { state.orders[Key(id: order.bizOrderID, code: order.payBizCode)] = order }
        self.state = Mutex(state)
    }

    public func add(_ orders: [PlatformOrder]) {
        state.withLock { state in
            for order in orders { state.orders[Key(id: order.bizOrderID, code: order.payBizCode)] = order }
        }
    }

    /// From now on only `session` holds: the one before has run out.
    public func rotateSession(to session: String) { state.withLock { $0.session = session } }

    /// Begins a ban as if too many calls had come.
    public func ban(for length: Duration, isDailyQuota: Bool = false) {
        let now = WallClock.microseconds()
        state.withLock { $0.ban = Ban(until: now + length.micros, length: length.micros, isDailyQuota: isDailyQuota) }
    }

    /// What was answered to each question about an order, in their order: its status, an error's sub_code or a fault's name.
    public func answers(_ bizOrderID: String, payBizCode: String = "R1") -> [String] {
        state.withLock { $0.questions[Key(id: bizOrderID, code: payBizCode)] ?? [] }
    }

    /// Questions that came while a ban lasted; each made it as long again.
    public var asksDuringBans: Int { state.withLock { $0.asksDuringBans } }

    /// Calls that never came to an order, by sub_code or code.
    public var refusals: [String: Int] { state.withLock { $0.refusals } }

    // MARK: For the desk

    var session: String? { state.withLock { $0.session } }

    func noteRefusal(_ refusal: TOPRefusal) {
        state.withLock { $0.refusals[refusal.subCode ?? String(refusal.code), default: 0] += 1 }
    }

    /// The ban that this call runs into, or begins; nil when it may pass. Whoever asks during a ban has it begin again.
    func admit(at now: Int64) -> TOPRefusal? {
        state.withLock { state in
            if var ban = state.ban, ban.until > now {
                state.asksDuringBans += 1
                ban.until = now + ban.length
                state.ban = ban
                return Self.refusal(ban, at: now)
            }
            state.ban = nil
            guard let limit = state.limit else { return nil }
            state.recent.removeAll { $0 <= now - limit.span.micros }
            state.recent.append(now)
            guard state.recent.count > limit.calls else { return nil }
            let ban = Ban(until: now + limit.ban.micros, length: limit.ban.micros, isDailyQuota: false)
            state.ban = ban
            state.recent = []
            return Self.refusal(ban, at: now)
        }
    }

    private static func refusal(_ ban: Ban, at now: Int64) -> TOPRefusal {
        let seconds = max(1, (ban.until - now + 999_999) / 1_000_000)
        return ban.isDailyQuota ? .dailyQuota(seconds: seconds) : .callLimited(seconds: seconds)
    }

    /// The order, and what comes of this question: a fault, or a step of its story. nil for an order that does not exist.
    func ask(_ id: String, _ code: String) -> (order: PlatformOrder, step: PlatformOrder.Step, fault: TOPFault?)? {
        state.withLock { state in
            let key = Key(id: id, code: code)
            guard let order = state.orders[key] else { return nil }
            let asked = state.questions[key]?.count ?? 0
            let fault = order.faults.indices.contains(asked) ? order.faults[asked] : nil
            // The story begins when the faults are over.
            guard let step = order.step(forQuestion: max(0, asked - order.faults.count)) else { return nil }
            state.questions[key, default: []].append(fault?.name ?? step.status)
            return (order, step, fault)
        }
    }
}

extension Duration {
    fileprivate var micros: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
