/// What a runner tells about itself, for metrics. Each is called often and must return at once.
public struct JobHooks: Sendable {
    /// Jobs were claimed: queue, how many.
    public var claimed: @Sendable (_ queue: String, _ count: Int) -> Void
    /// A completion was committed: kind, the outcome of a job that is done, else the state that it is in now
    /// (retrying, scheduled, quarantined, failed, cancelled); how long the handler took.
    public var finished: @Sendable (_ kind: String, _ outcome: String, _ duration: Duration) -> Void
    /// A job failed an attempt: kind, cause.
    public var jobFailed: @Sendable (_ kind: String, _ cause: String) -> Void
    /// A late completion was refused, because another claim, a rescue or a person had taken the job.
    public var staleCompletion: @Sendable (_ queue: String) -> Void
    /// A lease ran out and the job was taken back: queue, and whether its worker is held to have died of it.
    public var leaseExpired: @Sendable (_ queue: String, _ crashed: Bool) -> Void
    /// How many runners of the queue live, this one included; told at the start and with every heartbeat.
    public var peers: @Sendable (_ queue: String, _ runners: Int) -> Void

    public init(
        claimed: @escaping @Sendable (String, Int) -> Void = { _, _ in },
        finished: @escaping @Sendable (String, String, Duration) -> Void = { _, _, _ in },
        jobFailed: @escaping @Sendable (String, String) -> Void = { _, _ in },
        staleCompletion: @escaping @Sendable (String) -> Void = { _ in },
        leaseExpired: @escaping @Sendable (String, Bool) -> Void = { _, _ in },
        peers: @escaping @Sendable (String, Int) -> Void = { _, _ in }
    ) {
        self.claimed = claimed
        self.finished = finished
        self.jobFailed = jobFailed
        self.staleCompletion = staleCompletion
        self.leaseExpired = leaseExpired
        self.peers = peers
    }
}
