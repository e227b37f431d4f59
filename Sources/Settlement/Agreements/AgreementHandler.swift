import Alipay
import JobQueue
import Postgres
import Telemetry

/// Asks Alipay about one agreement and writes down what it found.
public struct AgreementHandler: JobHandler {
    public struct Output: Sendable {
        enum Reply: Sendable {
            case answered(AgreementAnswer)
            /// Nobody was asked, or it was not the agreement's fault that nothing came.
            case waits(Waiting)
            /// It cannot be asked about.
            case refused(AgreementQueryError)
        }

        let job: AgreementCheckJob?
        let reply: Reply?
        let attempt: Int
        let age: Duration
    }

    /// How long an agreement is asked about before its check ends undecided; the next run asks again.
    public static let patience: Duration = .seconds(20 * 3600)

    private let appID: String
    private let keyring: Keyring
    private let holds: HoldBoard
    private let metrics: Metrics

    /// - Parameters:
    ///   - appID: whose agreements these are; its door keeps to the rate of `AgreementQuery.method`.
    ///   - holds: the board of the runner's queue.
    public init(appID: String, keyring: Keyring, holds: HoldBoard = HoldBoard(), metrics: Metrics) {
        self.appID = appID
        self.keyring = keyring
        self.holds = holds
        self.metrics = metrics
    }

    // MARK: Asking

    public func perform(_ lease: Lease) async -> Output {
        let job = AgreementCheckJob(args: lease.args)
        var reply: Output.Reply?
        if let job {
            do throws(AgreementQueryError) {
                reply = await ask(try job.record.query(), lease)
            } catch {
                reply = .refused(error)
            }
        }
        return Output(
            job: job, reply: reply, attempt: lease.attempt, age: Timestamp.now() - lease.firstAttemptAt)
    }

    private func ask(_ query: AgreementQuery, _ lease: Lease) async -> Output.Reply {
        let credentials = keyring.current
        guard let gateway = credentials.gateways[appID], let door = credentials.doors[appID] else {
            return .waits(.later(after: .seconds(60), reason: "no app \(appID) is configured here"))
        }
        switch await door.enter(AgreementQuery.method, for: Caller(lease, holds: holds)) {
        case .stay(let waiting): return .waits(waiting)
        case .go(let permit):
            let started = ContinuousClock.now
            let answer = await gateway.agreement(query)
            metrics.gatewayRequest(
                method: AgreementQuery.method, code: answer.verdict, duration: started.duration(to: .now))
            let outcome = CallOutcome(answer.failure, subject: lease.subject ?? "")
            if let waiting = await permit.ended(with: outcome) { return .waits(waiting) }
            return .answered(answer)
        }
    }

    // MARK: Writing

    public func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition]
    {
        let jobs = finished.compactMap(\.output.job)
        var book = try AgreementBook(of: jobs.map(\.agreement), in: tx)
        var log: [GatewayLogEntry] = []
        let dispositions = finished.map { lease, output -> Disposition in
            guard let job = output.job, let reply = output.reply else {
                return .quarantine(
                    JobFailure(cause: "bad_args", message: "the job's arguments are not those of an agreement check"))
            }
            guard let here = book[job.agreement] else {
                return .cancel(reason: "the agreement is no longer here")
            }
            if case .answered(let answer) = reply { log.append(GatewayLogEntry(answer, jobID: lease.jobID)) }
            let verdict = AgreementVerdict(reply, here: here, age: output.age)
            if let check = verdict.check { book.note(check, of: job) }
            return verdict.disposition
        }
        try book.write(in: tx)
        try GatewayLogEntry.write(log, in: tx)
        return dispositions
    }
}

/// What a reply means for its job and for the report. Pure.
struct AgreementVerdict: Sendable {
    struct Check: Sendable, Hashable {
        let outcome: AgreementOutcome
        var cause: String?
        var differences: [AgreementDifference] = []
    }

    /// nil while nothing is known that was not known before.
    let check: Check?
    let disposition: Disposition

    init(_ reply: AgreementHandler.Output.Reply, here: AgreementRecord, age: Duration) {
        switch reply {
        case .waits(let waiting):
            self.init(check: nil, disposition: waiting.disposition)
        case .refused(let error):
            self.init(ends: Check(outcome: .undecided, cause: "cannot_ask"), note: error.description)
        case .answered(.inForce(let there, _)):
            let differences = AgreementComparison.differences(here, there)
            self.init(
                ends: Check(outcome: differences.isEmpty ? .equal : .differs, differences: differences),
                note: differences.isEmpty ? nil : differences.map(\.field).joined(separator: ", "))
        case .answered(.missing(let failure)):
            self.init(ends: Check(outcome: .missingAtAlipay, cause: failure.cause), note: nil)
        case .answered(.failure(let failure)):
            let undecided = Check(outcome: .undecided, cause: failure.cause)
            // This one question is wrong, by Alipay's signed word; the run goes on without it, and a person sees why.
            let isFinal = failure.kind == .permanent && failure.signed || failure.kind == .malformed
            if isFinal || age > AgreementHandler.patience {
                self.init(ends: undecided, note: failure.message)
            } else {
                let reason = JobFailure(cause: failure.cause, message: failure.message)
                self.init(check: undecided, disposition: .retry(reason, after: failure.retryAfter))
            }
        }
    }

    private init(check: Check?, disposition: Disposition) {
        self.check = check
        self.disposition = disposition
    }

    private init(ends check: Check, note: String?) {
        self.init(check: check, disposition: .done(outcome: check.outcome.rawValue, note: note))
    }
}

extension AgreementAnswer {
    /// The result, or the failure's cause, for metrics and the log.
    var verdict: String {
        switch self {
        case .inForce: "10000"
        case .missing(let failure), .failure(let failure): failure.cause
        }
    }

    /// What went wrong; nil for both of Alipay's proper answers.
    var failure: GatewayFailure? {
        if case .failure(let failure) = self { failure } else { nil }
    }
}

extension GatewayLogEntry {
    init(_ answer: AgreementAnswer, jobID: Int64) {
        switch answer {
        case .inForce(_, let evidence):
            self.init(
                jobID: jobID, method: AgreementQuery.method, verdict: "in_force", code: "10000", subCode: nil,
                signed: true, answer: evidence.rawBody)
        case .missing(let failure), .failure(let failure):
            self.init(
                jobID: jobID, method: AgreementQuery.method, verdict: failure.cause, code: failure.code,
                subCode: failure.subCode, signed: failure.signed, answer: failure.rawBody)
        }
    }
}
