import FailPoints
import Logging
import Postgres
import ServiceLifecycle

/// A service that works on one queue: claims jobs, has the handler perform them, and completes them in batches.
///
/// Any number of runners, in any number of processes, may serve one queue. At a graceful shutdown it stops claiming,
/// lets what runs end for up to ``RunnerSettings/drainLimit``, and gives the rest back.
public final class JobRunner<Handler: JobHandler>: Service {
    public let queue: String
    let handler: Handler
    let pool: Pool
    let settings: RunnerSettings
    let hooks: JobHooks
    let holds: HoldBoard
    let logger: Logger
    let jobs: RunningJobs
    let gate: SuspectGate
    let wakeup: Wakeup
    private let signal: JobSignal?
    private let completer: Completer<Handler>

    /// - Parameter retry: what ``Disposition/retry(_:after:)`` follows.
    /// - Parameter signal: wakes the runner when jobs were enqueued; without it they are found by polling.
    /// - Parameter holds: kept up to date while the runner runs, for the handler to read.
    /// - Parameter gate: shared by all runners of a process, so that a suspect runs alone in it.
    public init(
        queue: String, handler: Handler, pool: Pool, settings: RunnerSettings = RunnerSettings(),
        retry: RetryPolicy = RetryPolicy(), holds: HoldBoard = HoldBoard(), signal: JobSignal? = nil,
        gate: SuspectGate = SuspectGate(),
        hooks: JobHooks = JobHooks(), logger: Logger
    ) {
        self.queue = queue
        self.handler = handler
        self.pool = pool
        self.settings = settings
        self.hooks = hooks
        self.holds = holds
        self.logger = logger
        self.gate = gate
        jobs = RunningJobs(concurrency: settings.concurrency)
        wakeup = signal?.wakeup(for: queue) ?? Wakeup()
        self.signal = signal
        completer = Completer(
            handler: handler, pool: pool, settings: settings, retry: retry, queue: queue, hooks: hooks,
            holds: holds, logger: logger)
    }

    /// Wakes the runners of this process that serve `queues`: upkeep makes jobs of all queues ready, whoever does it.
    func wake(_ queues: Set<String>) {
        if let signal { signal.wake(queues) } else if queues.contains(queue) { wakeup.fire() }
    }

    public func run() async throws {
        guard let worker = await untilStopped({ await self.register() }) ?? nil else { return }
        let identity = WorkerIdentity(worker)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<settings.completers { group.addTask { await self.completer.run(self.jobs, self.gate) } }
            group.addTask { await self.keepAlive(identity) }
            group.addTask { await self.makeDueReady() }
            group.addTask { await self.rescueLapsed() }
            group.addTask { await self.tendHolds() }
            await untilStopped {
                await withTaskCancellationHandler {
                    await self.claimAndPerform(identity)
                } onCancel: {
                    self.wakeup.fire()
                }
            }
            await shutDown(identity)
            group.cancelAll()
        }
        // The tasks above may have been cancelled; the last word to the database must not be.
        await Task {
            try? await self.pool.withConnection(self.settings.upkeepLane) {
                try await JobQueue.unregister(worker: identity.id, on: $0)
            }
        }
        .value
    }

    /// Runs `body` until it returns, a graceful shutdown begins or the task is cancelled.
    @discardableResult
    private func untilStopped<T: Sendable>(_ body: @escaping @Sendable () async -> T) async -> T? {
        await withTaskGroup(of: T?.self) { group in
            group.addTask { await body() }
            group.addTask {
                try? await gracefulShutdown()
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

// MARK: - Claiming

extension JobRunner {
    /// What one claim tells the next.
    private struct Course {
        let beginning = ContinuousClock.now
        var marks = ReadyMarks()
        var suspects = SuspectTurns()

        /// Since the beginning.
        var now: Duration { beginning.duration(to: .now) }
    }

    /// The loop that keeps the slots filled, until its task is cancelled.
    private func claimAndPerform(_ identity: WorkerIdentity) async {
        var course = Course()
        while !Task.isCancelled {
            if course.suspects.isDue(now: course.now) {
                let start = course.now
                let result = await runSuspects(identity, patience: course.suspects.patience)
                course.suspects.took(result, from: start, to: course.now)
            }
            await waitForSlots()
            guard !Task.isCancelled else { break }
            var pause: Duration?
            do {
                let isIdle = try await pool.withConnection(settings.claimLane, recall: { [wakeup] in wakeup.fire() }) {
                    connection in
                    try await claimAgainAndAgain(identity, &course, on: connection)
                }
                if isIdle { pause = settings.pollInterval }
            } catch {
                guard !Task.isCancelled else { break }
                pause = settings.pauseAfterFailure
                logger.warning("jobs.claim_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            }
            if let pause { await wakeup.wait(upTo: pause) }
            // A suspect of a neighbour has the process for itself.
            while gate.isTaken, !Task.isCancelled { await wakeup.wait(upTo: .milliseconds(20)) }
        }
    }

    /// Claims as long as there are slots, on the connection's own thread: a signal finds the thread that sends the claim, and
    /// not a task that has to go there first.
    ///
    /// The connection is kept through the pauses of an idle queue, and given back when others need it, when the server may have
    /// hung up meanwhile, and when something else than a claim is due.
    /// - Returns: whether there is nothing to be done before the next signal.
    private func claimAgainAndAgain(
        _ identity: WorkerIdentity, _ course: inout Course, on connection: isolated Connection
    ) async throws -> Bool {
        while gate.enter() {
            let leases: [Lease]
            do {
                defer { gate.leave() }
                leases = try claim(identity, &course, on: connection)
                gate.join(leases.count)
            }
            if !leases.isEmpty {
                perform(leases)
            } else if pool.isAwaited(settings.claimLane) {
                return true
            }
            if course.suspects.isDue(now: course.now) { return false }
            if leases.isEmpty {
                let isSignalled = await wakeup.waitInPlace(upTo: settings.pollInterval)
                // A signal asks for a claim; suspects are looked for behind it.
                if !isSignalled, course.suspects.isDue(now: course.now) { return false }
            }
            guard !Task.isCancelled, jobs.freeSlots >= enoughSlots, connection.isQuiet,
                !pool.isAwaited(settings.claimLane)
            else { return false }
        }
        return false
    }

    private func claim(
        _ identity: WorkerIdentity, _ course: inout Course, on connection: isolated Connection
    ) throws -> [Lease] {
        let room = min(jobs.freeSlots, settings.claimBatch)
        let plan = course.marks.plan(now: course.now)
        let start = course.now
        let claim = JobQueue.Claim(queue: queue, limit: room, worker: identity.id, lease: settings.lease)
        let leases = try JobQueue.claim(claim, after: plan.after, on: connection)
        course.marks.claimed(
            leases.lazy.map { ($0.priority, $0.readyOrder) }, by: plan, isFull: leases.count == room, start: start,
            end: course.now)
        return leases
    }

    /// With fewer free it pays to wait a moment for more: one claim for many costs as one for one.
    private var enoughSlots: Int { max(1, min(settings.claimBatch, settings.concurrency / 8)) }

    /// Waits until a slot is free, and then for a moment longer for more of them.
    private func waitForSlots() async {
        while jobs.freeSlots == 0, !Task.isCancelled { await jobs.slotFreed.wait() }
        let limit = ContinuousClock.now + settings.linger
        while jobs.freeSlots < enoughSlots, !Task.isCancelled {
            let left = ContinuousClock.now.duration(to: limit)
            guard left > .zero else { break }
            await jobs.slotFreed.wait(upTo: left)
        }
    }

    /// Starts the handler for each. The runner owns the tasks: they are registered, and cancelled by time limit or shutdown.
    private func perform(_ leases: [Lease]) {
        jobs.begin(leases)
        hooks.claimed(queue, leases.count)
        do {
            try FailPoint.reach("work.claimed")
        } catch {
            for lease in leases { jobs.answer(lease, .decided(.retry(failPointFailure(error)))) }
            return
        }
        jobs.attach(
            leases.map { lease in
                let task = Task { [jobs, handler] in
                    let output = await handler.perform(lease)
                    do {
                        try FailPoint.reach("work.answered")
                        jobs.answer(lease, .output(output))
                    } catch {
                        jobs.answer(lease, .decided(.retry(failPointFailure(error))))
                    }
                }
                return (lease, task)
            })
    }

    /// Runs waiting suspects one after another, alone, for up to two seconds.
    private func runSuspects(_ identity: WorkerIdentity, patience: Duration) async -> SuspectTurns.Result {
        do {
            let waiting = try await pool.withConnection(settings.claimLane) { [queue] connection in
                try await JobQueue.hasSuspects(queue: queue, on: connection)
            }
            guard waiting else { return .none }
            guard await gate.takeAlone(patience: patience) else { return .neverAlone }
            defer { gate.giveUpAlone() }
            let end = ContinuousClock.now + .seconds(2)
            repeat {
                let claim = JobQueue.Claim(queue: queue, limit: 1, worker: identity.id, lease: settings.lease)
                let lease = try await pool.withConnection(settings.claimLane) { connection in
                    try await JobQueue.claimSuspect(claim, on: connection)
                }
                guard let lease else { break }
                gate.join(1)
                perform([lease])
                while jobs.count > 0, !Task.isCancelled { await jobs.slotFreed.wait() }
            } while ContinuousClock.now < end && !Task.isCancelled
            return .ran
        } catch {
            logger.warning("jobs.suspects_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            return .none
        }
    }

    private func register() async -> Int64? {
        while !Task.isCancelled {
            do {
                let (id, peers) = try await pool.withConnection(settings.upkeepLane) { [settings, queue] connection in
                    (
                        try await JobQueue.register(name: settings.workerName, queue: queue, on: connection),
                        try await JobQueue.liveWorkers(queue: queue, on: connection)
                    )
                }
                hooks.peers(queue, max(1, peers))
                return id
            } catch {
                guard !Task.isCancelled else { break }
                logger.warning("jobs.register_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
                try? await Task.sleep(for: settings.pauseAfterFailure)
            }
        }
        return nil
    }
}

private func failPointFailure(_ error: any Error) -> JobFailure {
    JobFailure(cause: "fail_point", message: "\(error)")
}

// MARK: - Shutting down

extension JobRunner {
    /// Lets what runs end, and gives the rest back.
    private func shutDown(_ identity: WorkerIdentity) async {
        if !Task.isCancelled {
            try? await pool.withConnection(settings.upkeepLane) {
                try await JobQueue.beginStopping(worker: identity.id, on: $0)
            }
            let limit = ContinuousClock.now + settings.drainLimit
            while jobs.count > 0, !Task.isCancelled {
                let left = ContinuousClock.now.duration(to: limit)
                guard left > .zero else { break }
                await jobs.slotFreed.wait(upTo: left)
            }
        }
        let rest = jobs.abandon()
        guard !rest.isEmpty else { return }
        logger.notice("jobs.released", metadata: ["queue": "\(queue)", "count": "\(rest.count)"])
        gate.leave(rest.count)
        // Not a child of the task that may be cancelled: the jobs would wait for their leases to run out.
        await Task {
            do {
                _ = try await self.pool.withConnection(self.settings.upkeepLane) {
                    try await JobQueue.release(rest, on: $0)
                }
            } catch {
                self.logger.warning("jobs.release_failed", metadata: ["queue": "\(self.queue)", "error": "\(error)"])
            }
        }.value
    }
}
