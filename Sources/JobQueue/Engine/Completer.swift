import FailPoints
import Logging
import Postgres

/// Completes answered jobs in batches: whatever has been answered while the last transaction ran goes into the next.
struct Completer<Handler: JobHandler>: Sendable {
    typealias Batch = [Answered]

    let handler: Handler
    let pool: Pool
    let settings: RunnerSettings
    let retry: RetryPolicy
    let queue: String
    let hooks: JobHooks
    let holds: HoldBoard
    let logger: Logger

    /// Completes batches until the task is cancelled.
    func run(_ jobs: RunningJobs, _ gate: SuspectGate) async {
        while !Task.isCancelled {
            switch jobs.takeAnswers(atMost: settings.completionBatch) {
            case .batch(let batch):
                await complete(batch)
                jobs.completed(batch)
                gate.leave(batch.count)
            case .soon(let pause): await jobs.hasAnswers.wait(upTo: pause)
            case .nothing: await jobs.hasAnswers.wait()
            }
        }
    }

    /// Returns when the batch is decided: committed, refused as stale, or its culprit quarantined. While the database is away
    /// it goes on trying; the leases may run out meanwhile, and the fence sorts that out.
    func complete(_ batch: Batch) async {
        var backoff = CompletionBackoff()
        var wasInDoubt = false
        while !Task.isCancelled {
            do {
                let report = try await commit(batch)
                await tell(report, of: batch, wasInDoubt: wasInDoubt)
                return
            } catch is FailPointReached {
                logger.warning("jobs.fail_point", metadata: ["queue": "\(queue)"])
            } catch {
                wasInDoubt = wasInDoubt || (error as? PostgresError)?.code == .commitInDoubt
                switch RecordFailure(error) {
                case .repeatNow: break
                case .repeatLater:
                    logger.warning(
                        "jobs.completion_repeated",
                        metadata: ["queue": "\(queue)", "jobs": "\(batch.count)", "error": "\(error)"])
                    try? await Task.sleep(for: backoff.next())
                case .findCulprit:
                    await findCulprit(in: batch, error)
                    return
                }
            }
        }
    }

    private struct Report: Sendable {
        var answers: [Lease.Key: Answered]
        var completions: [Completion]
        var live: [Lease]
    }

    private func commit(_ batch: Batch) async throws -> Report {
        let answers = Dictionary(batch.map { ($0.lease.key, $0) }, uniquingKeysWith: { first, _ in first })
        let report = try await pool.transaction(settings.completionLane, wait: .seconds(10)) { tx in
            let (live, now) = try JobQueue.lockLive(batch.map(\.lease), in: tx)
            let completions = try record(
                live.compactMap { lease in answers[lease.key].map { (lease, $0.answer) } }, now, tx)
            try JobQueue.finish(completions, probeInterval: settings.probeInterval, in: tx)
            try FailPoint.reach("work.inserted")
            return Report(answers: answers, completions: completions, live: live)
        }
        // Past the commit an error cannot undo anything; the point is there to be killed at.
        do { try FailPoint.reach("work.committed") } catch {
            logger.warning("jobs.fail_point", metadata: ["error": "\(error)"])
        }
        return report
    }

    private func record(
        _ live: [(lease: Lease, answer: Answered.Answer)], _ now: Timestamp, _ tx: isolated Connection
    ) throws -> [Completion] {
        var outputs: [(lease: Lease, output: Handler.Output)] = []
        var decided: [(lease: Lease, disposition: Disposition)] = []
        for (lease, answer) in live {
            switch answer {
            case .output(let output as Handler.Output): outputs.append((lease, output))
            case .output(let output):
                throw JobQueueError(
                    code: .wrongOutput,
                    message: "queue \(queue) was answered \(type(of: output)), not \(Handler.Output.self)")
            case .decided(let disposition): decided.append((lease, disposition))
            }
        }
        let dispositions = outputs.isEmpty ? [] : try handler.record(outputs, in: tx)
        guard dispositions.count == outputs.count else {
            throw JobQueueError(
                code: .wrongNumberOfDispositions,
                message:
                    "the handler of queue \(queue) answered \(dispositions.count) dispositions for \(outputs.count) jobs"
            )
        }
        decided += zip(outputs, dispositions).map { ($0.lease, $1) }
        var random = SystemRandomNumberGenerator()
        return decided.map { Completion($0.lease, $0.disposition, retry: retry, now: now, using: &random) }
    }

    /// Halves the batch until the job at fault stands alone, and quarantines that one.
    private func findCulprit(in batch: Batch, _ error: any Error) async {
        guard batch.count == 1 else {
            let middle = batch.count / 2
            await complete(Array(batch[..<middle]))
            await complete(Array(batch[middle...]))
            return
        }
        logger.error(
            "jobs.record_failed",
            metadata: ["queue": "\(queue)", "job_id": "\(batch[0].lease.jobID)", "error": "\(error)"])
        // Even the quarantine was refused: the lease runs out, and the job comes again.
        if case .decided = batch[0].answer { return }
        let failure = JobFailure(cause: "record_failed", message: "\(error)")
        await complete(
            batch.map { Answered(lease: $0.lease, answer: .decided(.quarantine(failure)), duration: $0.duration) })
    }

    private func tell(_ report: Report, of batch: Batch, wasInDoubt: Bool) async {
        for completion in report.completions {
            hooks.finished(
                completion.lease.kind, completion.outcome, report.answers[completion.lease.key]?.duration ?? .zero)
            guard let failure = completion.failure else { continue }
            if let hold = completion.hold {
                holds.add(hold.key, HoldBoard.Entry(cause: failure.cause, reason: failure.message))
            } else {
                hooks.jobFailed(completion.lease.kind, failure.cause)
            }
        }
        guard report.live.count < batch.count else { return }
        let live = Set(report.live.map(\.key))
        var stale = batch.map(\.lease).filter { !live.contains($0.key) }
        // A commit that was in doubt may have lasted; then the jobs are not live because we completed them ourselves.
        if wasInDoubt, !stale.isEmpty, let ours = try? await completedBefore(stale) {
            stale.removeAll { ours.contains($0.jobID) }
        }
        for lease in stale {
            hooks.staleCompletion(queue)
            logger.warning(
                "jobs.stale_completion",
                metadata: ["queue": "\(queue)", "job_id": "\(lease.jobID)", "lease_epoch": "\(lease.epoch)"])
        }
    }

    private func completedBefore(_ leases: [Lease]) async throws -> Set<Int64> {
        try JobQueue.ids(
            await pool.query(settings.completionLane, .completedBefore, JobQueue.fence(leases)))
    }
}

/// Pauses between tries while the database is away: from 50 ms, doubling, at most 2 s.
struct CompletionBackoff {
    private var pause = Duration.milliseconds(50)

    mutating func next() -> Duration {
        defer { pause = min(pause * 2, .seconds(2)) }
        return pause * Double.random(in: 0.5...1)
    }
}

extension Statement {
    /// Jobs that left `running` under exactly this epoch. A rescue leaves them ready, a later claim raises the epoch.
    fileprivate static let completedBefore = Statement(
        "jobs_completed_before",
        """
        SELECT l.id FROM unnest($1::bigint[], $2::bigint[]) AS lease (id, epoch)
        JOIN settled.job_list l ON l.id = lease.id AND l.lease_epoch = lease.epoch
        WHERE l.state NOT IN ('ready', 'running')
        """)
}
