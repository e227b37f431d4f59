import Alipay
import JobQueue
import Wire

/// What the gateway's answer means for one pay-result job: a decision without effects.
public enum Confirmation: Sendable {
    /// Paid, proved, and in agreement with what the notification claimed: the ledger writes it.
    case settle(SettlementDraft)
    /// A signed answer says that the trade is closed: the ledger reverses what stands, or nothing is due.
    case closed(ClosedTrade)
    /// Everything else.
    case finish(Disposition)
}

/// What the decision depends on besides the answer.
public struct ConfirmationPolicy: Sendable {
    public var billsMismatch: Source.BillsMismatch
    /// The seller that the answer must name; nil when no merchant is configured for the app: nobody is known to compare it
    /// with, and what the notification says is no proof.
    public var sellerID: String?
    public var retry: RetryPolicies
    /// Until when a trade that is not paid yet is asked for again.
    public var unpaidFor: Duration = .seconds(72 * 3600)

    public init(
        billsMismatch: Source.BillsMismatch = .quarantine, sellerID: String? = nil,
        retry: RetryPolicies = RetryPolicies()
    ) {
        self.billsMismatch = billsMismatch
        self.sellerID = sellerID
        self.retry = retry
    }
}

/// A trade that a signed answer called closed.
public struct ClosedTrade: Sendable {
    public let job: PayResultJob
    public let result: PayResult
    public let evidence: GatewayEvidence
}

extension Confirmation {
    /// Decides what `answer` means for `job`. Pure; `jitter` is a random number in 0..<1.
    ///
    /// - Parameters:
    ///   - attempt: how many times the job was tried, this time included.
    ///   - age: how long the job has been tried, without what it was held.
    public init(
        of answer: PayResultAnswer, for job: PayResultJob, policy: ConfirmationPolicy, attempt: Int, age: Duration,
        jitter: Double
    ) {
        switch answer {
        case .known(let result, let evidence):
            self = Self.confirm(result, evidence, for: job, policy: policy, age: age, jitter: jitter)
        case .failure(let failure):
            self = .finish(Self.disposition(of: failure, policy: policy, attempt: attempt, age: age, jitter: jitter))
        }
    }

    private static func confirm(
        _ result: PayResult, _ evidence: GatewayEvidence, for job: PayResultJob, policy: ConfirmationPolicy,
        age: Duration, jitter: Double
    ) -> Confirmation {
        func quarantine(_ cause: String, _ message: String) -> Confirmation {
            .finish(.quarantine(JobFailure(cause: cause, message: message)))
        }
        if result.tradeNo.isEmpty || result.tradeNo.utf8.count > longestSubject {
            return quarantine("bad_answer", "the signed answer has no trade_no of at most \(longestSubject) bytes")
        }
        guard let seller = result.sellerID, !seller.isEmpty else {
            return quarantine("bad_answer", "the signed answer has no seller_id")
        }
        if let expected = policy.sellerID, expected != seller {
            return quarantine(
                "seller_mismatch", "the signed answer names another seller than the one that the payment was to go to")
        }
        switch result.tradeStatus {
        case .success, .finished: break
        case .closed: return .closed(ClosedTrade(job: job, result: result, evidence: evidence))
        case .waiting:
            if age > policy.unpaidFor { return quarantine("still_unpaid", "the trade was never paid nor closed") }
            return .finish(.snooze(after: pollDelay(age: age, jitter: jitter), reason: "pending"))
        case .unknown:
            return quarantine("unknown_trade_status", "the signed answer's trade_status is none of the known ones")
        }
        if result.totalAmount.fen <= 0 {
            return quarantine("invalid_amount", "the signed answer's total_amount is zero")
        }
        if let claimed = job.totalFen, claimed != result.totalAmount.fen {
            return quarantine(
                "amount_conflict",
                "the notification said \(Amount(fen: claimed).yuan), the signed answer says \(result.totalAmount.yuan)")
        }
        let billed = result.bills.reduce(into: Int64(0)) { $0 &+= $1.amount.fen }
        if billed != result.totalAmount.fen, policy.billsMismatch == .quarantine {
            return quarantine(
                "bills_mismatch",
                "the bills add up to \(Amount(fen: billed).yuan), the total is \(result.totalAmount.yuan); "
                    + "bills_mismatch: settle_total would settle the total")
        }
        return .settle(SettlementDraft(job: job, result: result, sellerID: seller, evidence: evidence))
    }

    private static func disposition(
        of failure: GatewayFailure, policy: ConfirmationPolicy, attempt: Int, age: Duration, jitter: Double
    ) -> Disposition {
        let reason = JobFailure(cause: failure.cause, message: failure.message)
        let again = Disposition.retry(reason, policy: policy.retry.usual)
        switch failure.kind {
        // What concerns the gateway, the app or the merchant was told apart before, and holds all of their jobs.
        case .retry, .transport, .untrusted, .malformed, .operator:
            return again
        case .pending:
            return .snooze(after: pollDelay(age: age, jitter: jitter), reason: "pending")
        case .throttle:
            let told = failure.retryAfter ?? .seconds(20)
            return .snooze(after: told + .seconds(20) * jitter, reason: failure.cause)
        case .notExisting:
            // A notification can outrun the gateway's read side, so the first answers of this kind prove nothing; and
            // one that is not signed never does.
            guard failure.signed else { return again }
            let patient = policy.retry.notExisting
            guard age < patient.budget else { return .quarantine(reason) }
            let drawn = max(.milliseconds(250), patient.ceiling(afterAttempt: attempt) * jitter)
            // The last question is asked at the end of the budget, so that the job ends by its own cause.
            return .retry(reason, after: min(drawn, patient.budget - age), policy: patient.prolonged)
        case .belongsToOthers:
            return failure.signed ? .quarantine(reason) : again
        case .permanent:
            return failure.signed ? .fail(reason) : again
        }
    }

    /// A tenth of the job's age, between 30 s and 1 h: a fresh payment is looked at often, an old one seldom.
    private static func pollDelay(age: Duration, jitter: Double) -> Duration {
        let seconds = min(3600, max(30, age / .seconds(10)))
        return .milliseconds(Int64(seconds * (0.75 + 0.5 * jitter) * 1000))
    }
}

extension RetryPolicy {
    /// The same with a budget that does not end before the one who decides by it has decided.
    fileprivate var prolonged: RetryPolicy {
        RetryPolicy(first: first, cap: cap, budget: budget + .seconds(3600))
    }
}
