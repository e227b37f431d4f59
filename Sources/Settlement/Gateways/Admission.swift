import JobQueue

/// What a door says to a job that wants to call.
public enum Admission: Sendable {
    /// Call now, and tell the permit how it ended.
    case go(Permit)
    /// Do not call: answer the job with this.
    case stay(Waiting)
}

/// Why a job must wait, although nothing is wrong with it. It spends no attempt.
public enum Waiting: Sendable, Hashable {
    /// Until what stands in the way of all jobs under `key` has passed. `probeAfter` nil: the queue's own interval.
    case hold(key: String, cause: String, reason: String, probeAfter: Duration? = nil)
    /// For a moment of its own.
    case later(after: Duration, reason: String)

    /// What the job's handler answers.
    public var disposition: Disposition {
        switch self {
        case .hold(let key, let cause, let reason, let probeAfter):
            .hold(key: key, cause: cause, reason: reason, probeAfter: probeAfter)
        case .later(let after, let reason): .snooze(after: after, reason: reason)
        }
    }
}

/// Who wants to call, and what is known of what stands in the way.
public struct Caller: Sendable {
    /// The call repeats one that failed.
    public var isRetry: Bool
    /// The hold that this job was let out of, to find out whether its cause has passed.
    public var trialOf: String?
    /// The merchant whose token asks (2088…); nil when the app asks for itself.
    public var merchant: String?
    var holds: HoldBoard?

    /// A call without a job, such as one that a person makes by hand: no hold keeps it back.
    public init(merchant: String? = nil) {
        isRetry = false
        trialOf = nil
        self.merchant = merchant
        holds = nil
    }

    /// - Parameter holds: the board of the lease's queue.
    public init(_ lease: Lease, merchant: String? = nil, holds: HoldBoard? = nil) {
        isRetry = lease.attempt > 1
        trialOf = lease.holdKey
        self.merchant = merchant
        self.holds = holds
    }
}
