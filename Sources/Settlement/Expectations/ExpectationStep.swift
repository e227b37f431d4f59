/// What the sweep does about one expectation whose time is up. Pure: the same look always gets the same step.
enum ExpectationStep: Sendable, Hashable {
    /// The ledger has its settlement: nobody needs to look any more.
    case fulfil
    /// No notification came: the gateway is asked.
    case ask
    /// A job about it stands already, because a notification came or somebody asked by hand.
    case join(Int64)
    /// Nothing more can be done by itself; look again later.
    case wait

    /// What the sweep sees of an expectation.
    struct Look: Sendable, Hashable {
        var isSettled = false
        /// A payment, not a bill.
        var canBeAsked = true
        var wasAsked = false
        /// A job about the same trade or token that has not ended.
        var liveJob: Int64?
    }

    init(_ look: Look) {
        if look.isSettled {
            self = .fulfil
        } else if !look.canBeAsked || look.wasAsked {
            self = .wait
        } else if let job = look.liveJob {
            self = .join(job)
        } else {
            self = .ask
        }
    }

    /// When to look again: ever more seldom, so that what is never paid costs less and less.
    ///
    /// A tenth of the time for which it has been missing, a second at least, ten minutes at most; the sweep comes round in its
    /// own time besides.
    static func pause(after missing: Duration) -> Duration {
        min(max(missing / 10, .seconds(1)), .seconds(600))
    }
}
