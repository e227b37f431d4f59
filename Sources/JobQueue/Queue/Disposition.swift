/// The words that a job may be answered with. docs/jobqueue.md has them as a table.
public enum Disposition: Sendable, Hashable {
    /// It is finished. `outcome` is a stable word for people and metrics.
    case done(outcome: String, note: String? = nil)
    /// It failed in a way that may pass. `after` nil leaves the delay to the policy, `policy` nil is the runner's
    /// ``RetryPolicy``; either way the job is quarantined with the cause `retry_budget_spent` when the next attempt would
    /// come after the policy's budget.
    case retry(JobFailure, after: Duration? = nil, policy: RetryPolicy? = nil)
    /// Nothing is wrong, it is only too early. Spends no attempt and no budget.
    case snooze(after: Duration, reason: String)
    /// Nothing is wrong with it: something stands in the way of all jobs under `key`, such as a gateway that is down. It
    /// waits as `held`, costs nothing and spends no attempt and no budget, until one of them has got through. One is let out
    /// now and then to find out; the first after `probeAfter`, nil: after the runner's ``RunnerSettings/probeInterval``.
    ///
    /// - `key`: 1 to 128 characters; jobs of one queue with one key wait together.
    /// - `cause`, `reason`: as in ``JobFailure``: what people see.
    case hold(key: String, cause: String, reason: String, probeAfter: Duration? = nil)
    /// It has failed for good.
    case fail(JobFailure)
    /// A person must look: the job waits, visible, until it is replayed, resolved or cancelled.
    case quarantine(JobFailure)
    /// It is not wanted any more.
    case cancel(reason: String)
}

/// Why an attempt did not succeed.
public struct JobFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable word, at most 64 characters, by which people group and filter: `gateway_timeout`.
    public let cause: String
    /// One sentence for people, free of secrets; longer than 2,000 characters is cut.
    public let message: String

    public init(cause: String, message: String) {
        self.cause = JobText.word(cause)
        self.message = JobText.sentence(message)
    }

    public var description: String { "\(cause): \(message)" }
}

/// What the table can hold of what a handler says: no NUL, bounded length. An error text that the database would refuse
/// must not decide over a job.
enum JobText {
    static func word(_ text: String) -> String { bounded(text, 64, or: "unknown") }
    static func key(_ text: String) -> String { bounded(text, 128, or: "unknown") }
    static func sentence(_ text: String) -> String { bounded(text, 2_000, or: "") }

    private static func bounded(_ text: String, _ length: Int, or empty: String) -> String {
        guard !text.isEmpty else { return empty }
        // Unicode scalars, because one Character can be made of any number of them.
        let scalars = text.unicodeScalars.prefix(length).map { $0.value == 0 ? "\u{FFFD}" : $0 }
        var bounded = String.UnicodeScalarView()
        bounded.append(contentsOf: scalars)
        return String(bounded)
    }
}
