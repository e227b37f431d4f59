import Postgres

/// What a disposition does to a job's row: decided here, carried out by ``JobQueue/finish(_:retry:in:)``.
struct Completion: Sendable, Hashable {
    enum Change: Sendable, Hashable {
        /// The job moves to the history.
        case end(state: String, outcome: String?, note: String?)
        /// The job stays, in another state. `after` nil leaves its time as it is.
        case putBack(state: String, after: Duration?, spendsAttempt: Bool, note: String?)
    }

    /// What a held job waits under.
    struct Hold: Sendable, Hashable {
        var key: String
        /// Until the next probe; nil: the usual time.
        var probeAfter: Duration?
        /// The job was let out of this very hold, to find out: its cause stands still.
        var stands: Bool
    }

    var lease: Lease
    var change: Change
    /// The word under which the attempt is remembered; nil for one that ended in `done`.
    var attempt: String?
    var failure: JobFailure?
    var hold: Hold?

    init(
        _ lease: Lease, _ disposition: Disposition, retry policy: RetryPolicy, now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) {
        self.lease = lease
        switch disposition {
        case .done(let outcome, let note):
            change = .end(state: "done", outcome: JobText.word(outcome), note: note.map(JobText.sentence))
        case .retry(let failure, let asked, let own):
            attempt = "retry"
            switch (own ?? policy).decide(
                attempt: lease.attempt, firstAttemptAt: lease.firstAttemptAt, now: now, asked: asked, using: &random)
            {
            case .retry(let delay):
                self.failure = failure
                change = .putBack(state: "retrying", after: delay, spendsAttempt: true, note: nil)
            case .budgetSpent:
                self.failure = JobFailure(cause: "retry_budget_spent", message: "the last failure was \(failure)")
                attempt = "quarantine"
                change = .putBack(state: "quarantined", after: nil, spendsAttempt: true, note: nil)
            }
        case .snooze(let delay, let reason):
            attempt = "snooze"
            change = .putBack(
                state: "scheduled", after: max(.zero, delay), spendsAttempt: false, note: JobText.sentence(reason))
        case .hold(let key, let cause, let reason, let probeAfter):
            attempt = "hold"
            failure = JobFailure(cause: cause, message: reason)
            let key = JobText.key(key)
            hold = Hold(key: key, probeAfter: probeAfter.map { max(.zero, $0) }, stands: lease.holdKey == key)
            change = .putBack(state: "held", after: .zero, spendsAttempt: false, note: nil)
        case .fail(let failure):
            attempt = "fail"
            self.failure = failure
            change = .end(state: "failed", outcome: nil, note: nil)
        case .quarantine(let failure):
            attempt = "quarantine"
            self.failure = failure
            change = .putBack(state: "quarantined", after: nil, spendsAttempt: false, note: nil)
        case .cancel(let reason):
            attempt = "cancel"
            change = .end(state: "cancelled", outcome: nil, note: JobText.sentence(reason))
        }
    }

    /// The hold that this job has shown to be over: it was let out to find out, and was done.
    var ends: String? {
        if case .end("done", _, _) = change { lease.holdKey } else { nil }
    }

    /// The state that the job is in afterwards, for metrics.
    var state: String {
        switch change {
        case .end(let state, _, _), .putBack(let state, _, _, _): state
        }
    }

    /// The outcome of a job that is done, else its state.
    var outcome: String {
        if case .end(_, let outcome?, _) = change { outcome } else { state }
    }
}
