/// Keeps repeated calls a small part of all calls, so that a gateway in trouble is not asked the same things ever more often.
///
/// Over a window, repeats may be a share of all calls, on top of a floor that a quiet line needs. Pure.
public struct RetryBudget: Sendable, Hashable {
    public let share: Double
    /// Repeats a second that are always allowed.
    public let floor: Double
    public let window: Duration
    /// Calls, and the repeats among them ("failed" in the window's own words).
    private var calls: FailureWindow

    public init(share: Double = 0.1, floor: Double = 20, window: Duration = .seconds(10)) {
        self.share = share
        self.floor = floor
        self.window = window
        calls = FailureWindow(span: window)
    }

    /// Whether one more repeat fits.
    public func admitsRetry(at now: Duration) -> Bool {
        let (all, repeats) = calls.counts(at: now)
        return Double(repeats) + 1 <= floor * (window / .seconds(1)) + share * Double(all)
    }

    /// A call was made.
    public mutating func note(isRetry: Bool, at now: Duration) {
        calls.note(failed: isRetry, at: now)
    }
}
