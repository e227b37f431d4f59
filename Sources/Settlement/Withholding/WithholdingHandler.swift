import JobQueue
import Postgres
import Taobao
import Telemetry

/// Asks TOP about an order, and writes what became of it.
public struct WithholdingHandler: JobHandler {
    /// An answered question, on its way from the gateway to the ledger.
    public struct Output: Sendable {
        enum Reply: Sendable {
            case answered(AgreementPayAnswer)
            /// A ban lasts for so long yet; nobody was asked.
            case held(Duration)
        }

        /// nil when the job's arguments name none.
        let asked: (order: WithholdingOrder, reply: Reply)?
        let attempt: Int
        let age: Duration
        let jitter: Double
    }

    private let client: TaobaoClient
    private let policy: WithholdingPolicy
    private let bans: BanBook
    private let metrics: Metrics
    private let polls: WithholdingMetrics

    public init(
        client: TaobaoClient, policy: WithholdingPolicy, bans: BanBook, metrics: Metrics, polls: WithholdingMetrics
    ) {
        self.client = client
        self.policy = policy
        self.bans = bans
        self.metrics = metrics
        self.polls = polls
    }

    // MARK: Asking

    public func perform(_ lease: Lease) async -> Output {
        var asked: (WithholdingOrder, Output.Reply)?
        if let order = WithholdingJob.order(args: lease.args) {
            if let left = await bans.remaining() {
                asked = (order, .held(left))
            } else {
                asked = (order, .answered(await ask(order)))
            }
        }
        return Output(
            asked: asked, attempt: lease.attempt, age: Timestamp.now() - lease.firstAttemptAt,
            jitter: Double.random(in: 0..<1))
    }

    private func ask(_ order: WithholdingOrder) async -> AgreementPayAnswer {
        let started = ContinuousClock.now
        let answer = await client.agreementPay(order)
        metrics.gatewayRequest(
            method: AgreementPayQuery.method, code: answer.verdict, duration: started.duration(to: .now))
        polls.polled(verdict: answer.verdict)
        if case .failure(let failure) = answer, case .throttle(let ban) = failure.kind { bans.note(ban) }
        return answer
    }

    // MARK: Writing

    public func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition]
    {
        var book = try WithholdingBook(of: finished.compactMap(\.output.asked?.order), in: tx)
        let dispositions = finished.map { lease, output in decide(lease, output, &book) }
        try book.write(appKey: client.app.appKey, in: tx)
        for (_, output) in finished {
            guard case .answered(.failure(let failure))? = output.asked?.reply, case .throttle(let ban) = failure.kind
            else {
                continue
            }
            try bans.write(ban, cause: failure.cause, in: tx)
        }
        return dispositions
    }

    private func decide(_ lease: Lease, _ output: Output, _ book: inout WithholdingBook) -> Disposition {
        guard let (order, reply) = output.asked else {
            return .quarantine(JobFailure(cause: "bad_args", message: "the job's arguments name no withholding order"))
        }
        switch reply {
        case .held(let left):
            return .snooze(after: left + .seconds(20) * output.jitter, reason: "banned")
        case .answered(let answer):
            guard let known = book[order] else {
                return .quarantine(
                    JobFailure(
                        cause: "unknown_order",
                        message: "the order is not in the list of withholdings; `settled withholding add` adds it"))
            }
            if known.isNoted { return .snooze(after: .seconds(1), reason: "another job asked about the same order") }
            switch answer {
            case .bill(let bill, let evidence):
                let verdict = WithholdingVerdict(
                    bill, standing: known.standing, jobID: lease.jobID, policy: policy, age: output.age,
                    jitter: output.jitter)
                book.note(bill, verdict, evidence, of: order, jobID: lease.jobID)
                return verdict.disposition
            case .failure(let failure):
                book.note(failure, of: order, jobID: lease.jobID)
                return WithholdingVerdict.disposition(
                    of: failure, attempt: output.attempt, refusedFor: known.refusedFor, policy: policy, age: output.age,
                    jitter: output.jitter)
            }
        }
    }
}

extension AgreementPayAnswer {
    /// The order's status, or the failure's cause, for people and metrics.
    var verdict: String {
        switch self {
        case .bill(let bill, _): bill.status.description.isEmpty ? "no_status" : bill.status.description
        case .failure(let failure): failure.cause
        }
    }
}
