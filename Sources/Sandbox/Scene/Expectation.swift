/// How a trade of a scenario must end. What is not said here must not happen.
public enum TradeExpectation: Sendable, Hashable {
    /// Settled exactly once, with the amounts of the truth; `quarantinedJobs` more notifications of it wait for a person.
    case settled(quarantinedJobs: Int = 0)
    /// No money is due and none is settled.
    case nothingDue
    /// Not settled; the job is in quarantine. The words are causes that fit; the receiver may use any of them.
    case quarantined(causes: Set<String>)
    /// Never announced in a way that may be believed: not settled, and not even asked about.
    case untouched

    public var isSettled: Bool { if case .settled = self { true } else { false } }
}
