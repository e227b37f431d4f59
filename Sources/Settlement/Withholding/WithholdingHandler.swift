import JobQueue
import Postgres
import Taobao
import Telemetry

/// Asks TOP about an order, and writes what became of it.
public struct WithholdingHandler: JobHandler {
    /// An answered question, on its way from the gateway to the ledger.
    public struct Output: Sendable {
        enum Reply: Sendable {
            /// `waiting` is what the door says the job must wait for, whatever the answer was.
            case answered(AgreementPayAnswer, waiting: Waiting?)
            /// A ban lasts for so long yet; nobody was asked.
            case banned(Duration)
            /// The door let nobody through.
            case kept(Waiting)
        }

        /// nil when the job's arguments name none.
        let asked: (order: WithholdingOrder, reply: Reply)?
        let age: Duration
        let jitter: Double
    }

    private let client: TaobaoClient
    private let door: GatewayDoor
    private let holds: HoldBoard?
    private let policy: WithholdingPolicy
    private let bans: BanBook
    private let metrics: Metrics
    private let polls: WithholdingMetrics

    /// - Parameters:
    ///   - door: of this app key; every call passes it.
    ///   - holds: the board of the queue's runner.
    public init(
        client: TaobaoClient, door: GatewayDoor, holds: HoldBoard? = nil, policy: WithholdingPolicy, bans: BanBook,
        metrics: Metrics, polls: WithholdingMetrics
    ) {
        self.client = client
        self.door = door
        self.holds = holds
        self.policy = policy
        self.bans = bans
        self.metrics = metrics
        self.polls = polls
    }

    // MARK: Asking

    public func perform(_ lease: Lease) async -> Output {
        var asked: (WithholdingOrder, Output.Reply)?
        if let order = WithholdingJob.order(args: lease.args) { asked = (order, await reply(about: order, for: lease)) }
        return Output(
            asked: asked, age: lease.claimedAt - lease.firstAttemptAt,
            jitter: Double.random(in: 0..<1))
    }

    private func reply(about order: WithholdingOrder, for lease: Lease) async -> Output.Reply {
        if let left = await bans.remaining() { return .banned(left) }
        switch await door.enter(AgreementPayQuery.method, for: Caller(lease, holds: holds)) {
        case .stay(let waiting): return .kept(waiting)
        case .go(let permit):
            // While the door kept us waiting another call may have been told of a ban.
            if let left = await bans.remaining() { return .banned(left) }
            let answer = await ask(order)
            return .answered(answer, waiting: await permit.ended(with: CallOutcome(answer)))
        }
    }

    private func ask(_ order: WithholdingOrder) async -> AgreementPayAnswer {
        let started = ContinuousClock.now
        let answer = await client.agreementPay(order)
        metrics.gatewayRequest(
            method: AgreementPayQuery.method, code: answer.verdict, duration: started.duration(to: .now))
        polls.polled(verdict: answer.verdict)
        if case .failure(let failure) = answer, case .throttle(let ban) = failure.kind {
            bans.note(ban, cause: failure.cause)
        }
        return answer
    }

    // MARK: Writing

    public func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition]
    {
        var book = try WithholdingBook(of: finished.compactMap(\.output.asked?.order), in: tx)
        let dispositions = finished.map { lease, output in decide(lease, output, &book) }
        try book.write(appKey: client.app.appKey, in: tx)
        for (_, output) in finished {
            guard case .answered(.failure(let failure), _)? = output.asked?.reply,
                case .throttle(let ban) = failure.kind
            else { continue }
            try bans.write(ban, cause: failure.cause, in: tx)
        }
        return dispositions
    }

    private func decide(_ lease: Lease, _ output: Output, _ book: inout WithholdingBook) -> Disposition {
        guard let (order, reply) = output.asked else {
            return .quarantine(JobFailure(cause: "bad_args", message: "the job's arguments name no withholding order"))
        }
        switch reply {
        case .banned(let left):
            return .snooze(after: WithholdingVerdict.wait(forBan: left, jitter: output.jitter), reason: "banned")
        case .kept(let waiting):
            return waiting.disposition
        case .answered(let answer, let waiting):
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
                // A ban has seconds of its own; all else that concerns more than this order is the door's to say.
                if case .throttle = failure.kind {} else if let waiting { return waiting.disposition }
                return WithholdingVerdict.disposition(
                    of: failure, refusedFor: known.refusedFor, policy: policy, age: output.age,
                    jitter: output.jitter)
            }
        }
    }
}

extension CallOutcome {
    /// What an answer of TOP says about its gateway.
    init(_ answer: AgreementPayAnswer) {
        guard case .failure(let failure) = answer else {
            self = .answered
            return
        }
        switch failure.kind {
        case .business, .permanent: self = .answered
        case .retry where failure.cause == "cancelled": self = .abandoned
        // Trouble that the platform reports has a code; without one there was no answer, or none to believe.
        case .retry: self = failure.code == nil ? .unreachable(cause: failure.cause) : .troubled(cause: failure.cause)
        case .throttle(let ban): self = .throttled(cause: failure.cause, after: ban.duration, wholeApp: true)
        case .operator: self = .refused(.app, cause: failure.cause, message: failure.message)
        // The door knows the first refusal of a timestamp by this word, whatever the platform called it.
        case .clock: self = .refused(.app, cause: "invalid-timestamp", message: failure.message)
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
