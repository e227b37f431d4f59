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
    /// The seller that the answer must name; nil when no merchant is configured for the app.
    public var sellerID: String?
    /// Until when a trade that the gateway does not know is asked for again.
    public var notExistingFor: Duration = .seconds(48 * 3600)
    /// Until when a trade that is not paid yet is asked for again.
    public var unpaidFor: Duration = .seconds(72 * 3600)

    public init(billsMismatch: Source.BillsMismatch = .quarantine, sellerID: String? = nil) {
        self.billsMismatch = billsMismatch
        self.sellerID = sellerID
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
    ///   - age: how long ago the job was made.
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
        if let expected = policy.sellerID ?? job.sellerID, expected != seller {
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
        switch failure.kind {
        case .retry, .transport, .untrusted, .malformed:
            return .retry(reason, after: nil)
        case .pending:
            return .snooze(after: pollDelay(age: age, jitter: jitter), reason: "pending")
        case .throttle:
            let told = failure.retryAfter ?? .seconds(20)
            return .snooze(after: told + .seconds(20) * jitter, reason: failure.cause)
        case .notExisting:
            // A notification can outrun the gateway's read side, so the first answers of this kind prove nothing.
            guard failure.signed, age > policy.notExistingFor else {
                return .retry(reason, after: growing(attempt: attempt, cap: 3600, jitter: jitter))
            }
            return .quarantine(reason)
        case .belongsToOthers:
            return failure.signed ? .quarantine(reason) : .retry(reason, after: nil)
        case .operator:
            // The cause is a key, a token or a contract, not this job: it waits without spending an attempt, and asks
            // again every minute until somebody has mended it.
            return .snooze(after: .seconds(45) + .seconds(30) * jitter, reason: failure.cause)
        case .permanent:
            return failure.signed ? .fail(reason) : .retry(reason, after: nil)
        }
    }

    /// 1 s × 2ⁿ up to `cap` seconds, with full jitter but never at once.
    private static func growing(attempt: Int, cap: Double, jitter: Double) -> Duration {
        let ceiling = min(cap, Double(1 << min(max(attempt, 1) - 1, 20)))
        return .milliseconds(Int64(max(0.25, ceiling * jitter) * 1000))
    }

    /// A tenth of the job's age, between 30 s and 1 h: a fresh payment is looked at often, an old one seldom.
    private static func pollDelay(age: Duration, jitter: Double) -> Duration {
        let seconds = min(3600, max(30, age / .seconds(10)))
        return .milliseconds(Int64(seconds * (0.75 + 0.5 * jitter) * 1000))
    }
}
