import Alipay
import JobQueue
import Postgres
import Telemetry

/// Asks the gateway for a payment and has the ledger write what it proved.
public struct PayResultHandler: JobHandler {
    /// An answered question, on its way from the gateway to the ledger.
    public struct Output: Sendable {
        let job: PayResultJob?
        let confirmation: Confirmation
        let log: GatewayLogEntry?
        /// The hold that the answer has shown to be over.
        var endsHold: String?
    }

    private let keyring: Keyring
    private let holds: HoldBoard
    private let retry: RetryPolicies
    private let metrics: Metrics

    /// - Parameters:
    ///   - keyring: who asks, what their calls pass, and for whom.
    ///   - holds: the board of the runner that this handler is for.
    ///   - retry: for jobs of sources that are not configured any more.
    public init(
        keyring: Keyring, holds: HoldBoard = HoldBoard(), retry: RetryPolicies = RetryPolicies(), metrics: Metrics
    ) {
        self.keyring = keyring
        self.holds = holds
        self.retry = retry
        self.metrics = metrics
    }

    // MARK: Asking

    public func perform(_ lease: Lease) async -> Output {
        guard let job = PayResultJob(args: lease.args) else {
            return unasked(nil, "bad_args", "the job's arguments are not those of a pay-result query")
        }
        let credentials = keyring.current
        guard let gateway = credentials.gateways[job.appID], let door = credentials.doors[job.appID] else {
            return unasked(
                job, "unknown_app", "no app \(job.appID) is configured here; add it under apps",
                endsHold: lease.holdKey)
        }
        let subject: PayResultQuery.Subject
        if let tradeNo = job.tradeNo {
            subject = .tradeNo(tradeNo)
        } else if let token = job.queryToken {
            subject = .queryToken(token)
        } else {
            return unasked(job, "no_subject", "the job has neither a trade number nor a query token")
        }
        let merchant: Merchant?
        switch credentials.merchants.resolve(
            appID: job.appID, sellerID: job.sellerID, communityID: job.communityID,
            sourceMerchant: credentials.sources[job.source]?.merchant)
        {
        case .merchant(let found): merchant = found
        case .app: merchant = nil
        case .foreign:
            return unasked(
                job, "foreign_receiver",
                "the seller is no configured merchant of app \(job.appID); it is not asked about",
                endsHold: lease.merchantHold)
        case .unknown:
            return unasked(
                job, "merchant_unknown", "nothing tells which merchant's token may ask about this payment",
                endsHold: lease.merchantHold)
        }

        let caller = Caller(lease, merchant: merchant?.sellerID, holds: holds)
        switch await door.enter(PayResultQuery.method, for: caller) {
        case .stay(let waiting):
            return Output(job: job, confirmation: .finish(waiting.disposition), log: nil)
        case .go(let permit):
            let started = ContinuousClock.now
            let answer = await gateway.payResult(subject, appAuthToken: merchant?.token)
            let log = GatewayLogEntry(answer, jobID: lease.jobID)
            metrics.gatewayRequest(
                method: PayResultQuery.method, code: log.subCode ?? log.code ?? log.verdict, duration: .now - started)
            return await judge(answer, log, of: job, credentials.sources[job.source], lease, merchant, permit)
        }
    }

    /// A failure that concerns the gateway, the app or the merchant has the job wait; anything else is decided for the job.
    private func judge(
        _ answer: PayResultAnswer, _ log: GatewayLogEntry, of job: PayResultJob, _ source: Source?, _ lease: Lease,
        _ merchant: Merchant?, _ permit: Permit
    ) async -> Output {
        var failure: GatewayFailure?
        if case .failure(let found) = answer { failure = found }
        let outcome = CallOutcome(failure, subject: job.subject ?? "")
        let waiting = await permit.ended(with: outcome)
        let confirmation: Confirmation =
            if let waiting {
                .finish(waiting.disposition)
            } else {
                Confirmation(
                    of: answer, for: job,
                    policy: ConfirmationPolicy(
                        billsMismatch: source?.billsMismatch ?? .quarantine, sellerID: merchant?.sellerID,
                        retry: source?.retry ?? retry),
                    // Both by the database's clock; what the job was held is not counted.
                    attempt: lease.attempt, age: lease.claimedAt - lease.firstAttemptAt,
                    jitter: Double.random(in: 0..<1))
            }
        return Output(
            job: job, confirmation: confirmation, log: log,
            endsHold: lease.holdKey.flatMap { outcome.ends($0) ? $0 : nil })
    }

    /// - Parameter endsHold: the hold of an app or a merchant that is not configured any more: nothing can mend it, and its
    ///   jobs need not come out one by one to be told so.
    private func unasked(
        _ job: PayResultJob?, _ cause: String, _ message: String, endsHold: String? = nil
    ) -> Output {
        Output(
            job: job, confirmation: .finish(.quarantine(JobFailure(cause: cause, message: message))), log: nil,
            endsHold: endsHold)
    }

    // MARK: Writing

    public func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition]
    {
        var drafts: [(position: Int, draft: SettlementDraft)] = []
        var closures: [(position: Int, trade: ClosedTrade)] = []
        for (position, (_, output)) in finished.enumerated() {
            switch output.confirmation {
            case .settle(let draft): drafts.append((position, draft))
            case .closed(let trade): closures.append((position, trade))
            case .finish: break
            }
        }
        try Ledger.lock(drafts.map(\.draft.result.tradeNo) + closures.map(\.trade.result.tradeNo), in: tx)

        var dispositions = [Disposition?](repeating: nil, count: finished.count)
        let verdicts = try Ledger.settle(drafts.map { (finished[$0.position].lease.jobID, $0.draft) }, in: tx)
        var proofs: Set<Int> = []
        for ((position, _), verdict) in zip(drafts, verdicts) {
            dispositions[position] = Self.disposition(of: verdict)
            if case .settled = verdict { proofs.insert(position) }
        }
        for (position, trade) in closures {
            let closure = try Ledger.close(trade, jobID: finished[position].lease.jobID, in: tx)
            dispositions[position] = Self.disposition(of: closure)
            if case .reversed = closure { proofs.insert(position) }
        }
        try TokenTrades.note(
            drafts.map { (finished[$0.position].lease.jobID, $0.draft.job, $0.draft.result.tradeNo) }
                + closures.map { (finished[$0.position].lease.jobID, $0.trade.job, $0.trade.result.tradeNo) }, in: tx)
        // What settled something is kept as evidence; every other answer goes to the log.
        try GatewayLogEntry.write(
            finished.enumerated().compactMap { proofs.contains($0.offset) ? nil : $0.element.output.log }, in: tx)
        try JobQueue.lift(
            Set(finished.compactMap { done in done.output.endsHold.map { HoldKey(queue: done.lease.queue, key: $0) } }),
            in: tx)
        try Finding.noteRefunds(
            finished.enumerated().compactMap { position, done in
                guard case .settle = done.output.confirmation, let job = done.output.job, let refund = job.refundFen
                else { return nil }
                return (done.lease.jobID, job.subject ?? "", refund)
            }, in: tx)
        return zip(finished, dispositions).map { done, disposition in
            if let disposition { return disposition }
            guard case .finish(let other) = done.output.confirmation else {
                return .quarantine(JobFailure(cause: "undecided", message: "the ledger gave no verdict"))
            }
            return other
        }
    }

    private static func disposition(of verdict: Ledger.Verdict) -> Disposition {
        switch verdict {
        case .settled(let id): .done(outcome: Outcome.settled.rawValue, note: "settlement \(id)")
        case .stands(let id): .done(outcome: Outcome.alreadySettled.rawValue, note: "settlement \(id)")
        case .conflicts(let id, let field):
            .quarantine(
                JobFailure(
                    cause: "settlement_conflict",
                    message: "settlement \(id) of the same trade stands with another \(field); it was left as it is"))
        case .outdated:
            .retry(
                JobFailure(cause: "answer_outdated", message: "a later answer said that the trade is closed"),
                after: nil)
        }
    }

    private static func disposition(of closure: Ledger.Closure) -> Disposition {
        switch closure {
        case .reversed(let id): .done(outcome: Outcome.settled.rawValue, note: "reversal \(id)")
        case .alreadyReversed(let id): .done(outcome: Outcome.alreadySettled.rawValue, note: "reversal \(id)")
        case .nothingDue: .done(outcome: Outcome.nothingDue.rawValue, note: "the trade is closed and was never settled")
        }
    }
}

/// How a job can end, in the words that people see.
public enum Outcome: String, Sendable, CaseIterable {
    case settled, pending, failed, quarantined, cancelled
    case alreadySettled = "already_settled"
    case nothingDue = "nothing_due"
}

extension GatewayLogEntry {
    init(_ answer: PayResultAnswer, jobID: Int64) {
        switch answer {
        case .known(let result, let evidence):
            self.init(
                jobID: jobID, method: evidence.method, verdict: result.tradeStatus.description, code: "10000",
                subCode: nil,
                signed: true, answer: evidence.rawBody)
        case .failure(let failure):
            self.init(
                jobID: jobID, method: PayResultQuery.method, verdict: failure.cause, code: failure.code,
                subCode: failure.subCode, signed: failure.signed, answer: failure.rawBody)
        }
    }
}

extension Lease {
    /// The merchant's hold that this job was let out of.
    fileprivate var merchantHold: String? { holdKey.flatMap { $0.hasPrefix("merchant:") ? $0 : nil } }
}
