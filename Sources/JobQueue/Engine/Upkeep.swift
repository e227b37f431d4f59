import Logging
import Postgres

// What a runner does beside its jobs: it shows that it lives, moves due jobs over, and takes back jobs of the dead.
extension JobRunner {
    /// Heartbeats until the task is cancelled. Jobs younger than one interval need no extension yet.
    func keepAlive(_ identity: WorkerIdentity) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: settings.heartbeatInterval)
            let failure = JobFailure(cause: "time_limit", message: "the handler took longer than \(settings.timeLimit)")
            for lease in jobs.expire(olderThan: settings.timeLimit, with: .retry(failure)) {
                logger.warning("jobs.time_limit", metadata: ["queue": "\(queue)", "job_id": "\(lease.jobID)"])
            }
            while !Task.isCancelled {
                do {
                    try await beat(identity)
                    break
                } catch {
                    logger.warning("jobs.heartbeat_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
                    try? await Task.sleep(for: min(settings.heartbeatInterval, .seconds(1)))
                }
            }
        }
    }

    private func beat(_ identity: WorkerIdentity) async throws {
        let leases = jobs.leases(heldFor: settings.heartbeatInterval / 2)
        let running = jobs.count
        let peers = try await pool.withConnection(settings.upkeepLane) { [settings, queue] connection in
            let pulse = try await JobQueue.heartbeat(
                worker: identity.id, extending: leases, by: settings.lease, interval: settings.heartbeatInterval,
                running: running, on: connection)
            if !pulse.isKnown {
                identity.id = try await JobQueue.register(name: settings.workerName, queue: queue, on: connection)
            }
            return try await JobQueue.liveWorkers(queue: queue, on: connection)
        }
        hooks.peers(queue, max(1, peers))
    }

    /// Moves due jobs over until the task is cancelled.
    func makeDueReady() async {
        var round = DueRound()
        while !Task.isCancelled {
            do {
                let due = try await round.run(pool, settings.upkeepLane)
                wake(due.queues)
            } catch {
                guard !Task.isCancelled else { break }
                logger.warning("jobs.due_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            }
            try? await Task.sleep(for: settings.dueInterval)
        }
    }

    /// Takes back lapsed leases, of all queues, until the task is cancelled.
    ///
    /// Rounds look back to a little before the one before; now and then, and first of all, one looks at all leases.
    func rescueLapsed() async {
        // For leases whose claims were committed late; one that is passed over waits for the next look at all.
        let slack = Duration.seconds(5)
        var last = Duration.zero
        let beginning = ContinuousClock.now
        var sweeps = SweepThrottle(every: .seconds(60))
        while !Task.isCancelled {
            try? await Task.sleep(for: settings.rescueInterval)
            let start = beginning.duration(to: .now)
            let isSweep = sweeps.isDue(now: start)
            do {
                let rescued = try await rescueAll(lookingBack: isSweep ? nil : start - last + slack)
                last = start
                if isSweep { sweeps.swept(from: start, to: beginning.duration(to: .now)) }
                for job in rescued {
                    hooks.leaseExpired(job.queue, job.crashed)
                    logger.warning(
                        "jobs.lease_expired",
                        metadata: [
                            "queue": "\(job.queue)", "kind": "\(job.kind)", "job_id": "\(job.jobID)",
                            "crashed": "\(job.crashed)", "quarantined": "\(job.quarantined)",
                        ])
                }
                wake(Set(rescued.map(\.queue)))
            } catch {
                guard !Task.isCancelled else { break }
                // What ran out meanwhile may lie further back than the next round looks.
                sweeps = SweepThrottle(every: .seconds(60))
                logger.warning("jobs.rescue_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            }
        }
    }
}

extension JobRunner {
    /// All that has lapsed, a thousand at a time: a big worker may have held more.
    private func rescueAll(lookingBack: Duration?) async throws -> [RescuedJob] {
        let limit = 1_000
        var all: [RescuedJob] = []
        var some: [RescuedJob]
        repeat {
            some = try await pool.withConnection(settings.upkeepLane) { [settings] connection in
                try await JobQueue.rescue(
                    lease: settings.lease, lookingBack: lookingBack, limit: limit, on: connection)
            }
            all += some
        } while some.count == limit && !Task.isCancelled
        return all
    }
}

/// Rounds of moving due jobs, each starting a little before the last one's end; now and then from the beginning, for jobs that
/// were stored with a time already past.
struct DueRound {
    private static let slack = Duration.seconds(60)
    private var sweeps = SweepThrottle(every: .seconds(5))
    private var mark: Timestamp?
    private let beginning = ContinuousClock.now

    mutating func run(_ pool: Pool, _ lane: Lane, limit: Int = 1_000) async throws -> JobQueue.Due {
        let start = beginning.duration(to: .now)
        let isSweep = sweeps.isDue(now: start)
        let after = isSweep ? nil : mark.map { $0 - Self.slack }
        var total = JobQueue.Due(count: 0, queues: [], upTo: nil)
        var round: JobQueue.Due
        repeat {
            round = try await pool.withConnection(lane) { connection in
                try await JobQueue.makeDueReady(after: after, limit: limit, on: connection)
            }
            total.count += round.count
            total.queues.formUnion(round.queues)
            mark = max(mark ?? Timestamp(unixMicroseconds: 0), round.upTo ?? Timestamp(unixMicroseconds: 0))
        } while round.count == limit && !Task.isCancelled
        if isSweep { sweeps.swept(from: start, to: beginning.duration(to: .now)) }
        return total
    }
}
