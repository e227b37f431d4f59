/// When suspects may have the process for themselves: looked for every second, and never for more than half of the time.
struct SuspectTurns {
    enum Result {
        /// There were none.
        case none
        case ran
        /// The others did not leave in time.
        case neverAlone
    }

    private static let interval = Duration.seconds(1)
    private static let longestPatience = Duration.seconds(300)

    /// How long to hold back claims until the others have ended; doubles each time it was not enough, so that even among
    /// long jobs a suspect gets its turn.
    private(set) var patience = Duration.seconds(5)
    private var dueAt = Duration.zero

    func isDue(now: Duration) -> Bool { now >= dueAt }

    mutating func took(_ result: Result, from start: Duration, to end: Duration) {
        switch result {
        case .none: dueAt = end + Self.interval
        case .ran:
            patience = .seconds(5)
            dueAt = end + (end - start)
        case .neverAlone:
            patience = min(patience * 2, Self.longestPatience)
            dueAt = end + (end - start)
        }
    }
}
