/// How often one method may be called: so many times a second, saving up no more than a twentieth of a second's worth.
///
/// The small store keeps what is called within any one second under the rate and a tenth, also after a pause in which
/// nothing could be called. Pure; time is a duration since any fixed moment.
public struct TokenBucket: Sendable, Hashable {
    public private(set) var rate: Double
    private var tokens: Double
    private var at: Duration
    private var closedUntil: Duration?

    /// - Parameter rate: calls a second, more than zero.
    public init(rate: Double, at now: Duration) {
        self.rate = max(rate, 0.001)
        at = now
        tokens = 1
    }

    private var capacity: Double { max(1, rate / 20) }

    /// Another rate from now on; what was saved up stays, as far as it fits.
    public mutating func change(rate: Double, at now: Duration) {
        refill(at: now)
        self.rate = max(rate, 0.001)
        tokens = min(tokens, capacity)
    }

    /// How long until the next call may be made, when `others` come before it; zero: now.
    public func wait(behind others: Int = 0, at now: Duration) -> Duration {
        var copy = self
        copy.refill(at: now)
        let closed = copy.closedUntil.map { $0 - now } ?? .zero
        let missing = Double(others + 1) - copy.tokens
        return max(closed, missing <= 0 ? .zero : Duration.seconds(1) * (missing / rate))
    }

    /// Takes one token, if there is one and the bucket is not closed.
    public mutating func take(at now: Duration) -> Bool {
        refill(at: now)
        guard closedUntil == nil, tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// Gives out nothing until the time told, and begins empty then. A shorter time than one told before changes nothing.
    public mutating func close(until time: Duration) {
        closedUntil = max(closedUntil ?? time, time)
    }

    /// Until when it is closed; nil when it is not.
    public func closed(at now: Duration) -> Duration? { closedUntil.flatMap { $0 > now ? $0 : nil } }

    private mutating func refill(at now: Duration) {
        if let until = closedUntil {
            guard now >= until else { return }
            closedUntil = nil
            (tokens, at) = (0, until)
        }
        guard now > at else { return }
        tokens = min(capacity, tokens + (now - at) / .seconds(1) * rate)
        at = now
    }
}
