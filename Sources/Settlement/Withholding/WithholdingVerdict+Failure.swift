import JobQueue
import Taobao

extension WithholdingVerdict {
    /// A ban to its end, and up to a quarter longer (1 to 20 s), so that not all jobs come back in the same second.
    static func wait(forBan left: Duration, jitter: Double) -> Duration {
        left + min(max(left / 4, .seconds(1)), .seconds(20)) * jitter
    }

    /// What a failure to get a bill means for the job. Nothing of a failure is ever money; at worst a person looks.
    ///
    /// - Parameters:
    ///   - refusedFor: for how long nothing but refusals has come; zero for the first.
    static func disposition(
        of failure: TOPFailure, refusedFor: Duration, policy: WithholdingPolicy, age: Duration,
        jitter: Double
    ) -> Disposition {
        let reason = JobFailure(cause: failure.cause, message: failure.message)
        switch failure.kind {
        case .throttle(let ban):
            // No attempt is spent, and the jobs come back one after another and not all in the same second.
            return .snooze(after: wait(forBan: ban.duration, jitter: jitter), reason: failure.cause)
        case .clock:
            // The door holds the jobs at the second refusal in a row; a first one may only have travelled long.
            return .snooze(after: .seconds(1), reason: failure.cause)
        case .operator:
            return .snooze(after: .seconds(45) + .seconds(30) * jitter, reason: failure.cause)
        case .permanent:
            return .quarantine(reason)
        case .business where refusedFor > policy.refusedFor:
            return .quarantine(reason)
        case .business where age <= policy.giveUpAfter:
            return .retry(reason, after: policy.schedule.wait(at: age, jitter: jitter))
        case .retry where age <= policy.giveUpAfter:
            return .retry(reason, after: nil)
        case .business, .retry:
            return .quarantine(gaveUp("still without a bill, last because of \(failure.cause)", policy))
        }
    }
}
