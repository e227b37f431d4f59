import Postgres

/// When a failed job is tried again: exponential backoff with full jitter, and a budget by time.
///
/// The delay before attempt n + 1 is drawn evenly between zero and min(cap, first × 2ⁿ⁻¹). Full jitter spreads the jobs
/// that one outage failed together; the budget bounds how long a job may stay undecided, whatever its number of attempts.
public struct RetryPolicy: Sendable, Hashable {
    public var first: Duration
    public var cap: Duration
    public var budget: Duration

    public init(
        first: Duration = .seconds(1), cap: Duration = .seconds(15 * 60), budget: Duration = .seconds(72 * 3600)
    ) {
        self.first = first
        self.cap = cap
        self.budget = budget
    }

    public enum Decision: Sendable, Hashable {
        case retry(after: Duration)
        /// The next attempt would come after the budget's end.
        case budgetSpent
    }

    /// The longest delay after the given attempt (from 1).
    public func ceiling(afterAttempt attempt: Int) -> Duration {
        // 2³² seconds is past any cap, and the shift must not overflow.
        let doublings = min(max(attempt - 1, 0), 32)
        return min(cap, first * (1 << doublings))
    }

    /// Decides about an attempt that has just failed.
    ///
    /// - Parameter asked: a delay that the handler asked for instead of the backoff; the budget holds for it too.
    public func decide(
        attempt: Int, firstAttemptAt: Timestamp, now: Timestamp, asked: Duration? = nil,
        using random: inout some RandomNumberGenerator
    ) -> Decision {
        // 53 bits make an even fraction of [0, 1) with one draw; Double.random may draw any number of times.
        let fraction = Double(random.next() >> 11) * 0x1p-53
        let delay = asked ?? ceiling(afterAttempt: attempt) * fraction
        return now + delay > firstAttemptAt + budget ? .budgetSpent : .retry(after: delay)
    }
}
