import Postgres

/// How one runner works. The defaults suit handlers that wait for the network.
public struct RunnerSettings: Sendable, Hashable {
    /// Jobs that run or wait to be recorded at the same time.
    public var concurrency: Int
    /// The most jobs taken by one claim.
    public var claimBatch: Int
    /// The most jobs completed in one transaction.
    public var completionBatch: Int
    /// Completing transactions under way at the same time.
    public var completers: Int
    /// How long a claim holds without a heartbeat. Jobs of a dead worker are back after this and ``rescueInterval``.
    public var lease: Duration
    public var heartbeatInterval: Duration
    public var rescueInterval: Duration
    /// How often an idle runner looks for ready jobs; a ``JobSignal`` makes it look at once.
    public var pollInterval: Duration
    /// After a claim or a registration that failed. Whoever polls seldom relies on signals, and the one that was meant by a claim
    /// that failed does not come again.
    var pauseAfterFailure: Duration { min(pollInterval, .seconds(1)) }
    /// How often scheduled and retrying jobs are looked at.
    public var dueInterval: Duration
    /// How long after a job was held one is let out to find out, and how long between one and the next.
    public var probeInterval: Duration
    /// How often holds are looked at.
    public var holdInterval: Duration
    /// How long after the first slot came free a claim waits for more of them.
    public var linger: Duration
    /// A handler that takes longer is cancelled and its attempt counts as failed with the cause `time_limit`.
    public var timeLimit: Duration
    /// How long a shutdown waits for what runs; the rest is given back.
    public var drainLimit: Duration
    /// Where the runner shows in `settled.workers`.
    public var workerName: String
    public var claimLane: Lane
    /// Should have as many connections as there are completers.
    public var completionLane: Lane
    /// Heartbeats, rescue and due jobs: never behind the others, or leases would run out.
    public var upkeepLane: Lane

    public init(
        concurrency: Int = 64, claimBatch: Int = 256, completionBatch: Int = 256, completers: Int = 2,
        lease: Duration = .seconds(30), heartbeatInterval: Duration = .seconds(10),
        rescueInterval: Duration = .seconds(5),
        pollInterval: Duration = .seconds(1), dueInterval: Duration = .milliseconds(500),
        probeInterval: Duration = .seconds(60), holdInterval: Duration = .milliseconds(500),
        linger: Duration = .milliseconds(4), timeLimit: Duration = .seconds(300), drainLimit: Duration = .seconds(25),
        workerName: String = ProcessName.current, claimLane: Lane = "claim", completionLane: Lane = "complete",
        upkeepLane: Lane = "upkeep"
    ) {
        self.concurrency = max(1, concurrency)
        self.claimBatch = max(1, claimBatch)
        self.completionBatch = max(1, completionBatch)
        self.completers = max(1, completers)
        self.lease = lease
        self.heartbeatInterval = heartbeatInterval
        self.rescueInterval = rescueInterval
        self.pollInterval = pollInterval
        self.dueInterval = dueInterval
        self.probeInterval = probeInterval
        self.holdInterval = holdInterval
        self.linger = linger
        self.timeLimit = timeLimit
        self.drainLimit = drainLimit
        self.workerName = workerName
        self.claimLane = claimLane
        self.completionLane = completionLane
        self.upkeepLane = upkeepLane
    }
}
