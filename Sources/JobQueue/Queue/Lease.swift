import Postgres

/// The right to do one job until `expiresAt`, and the proof of it in every write back.
///
/// What is written back names (``jobID``, ``epoch``). Once another claim has taken the job its epoch is higher, and the
/// late writer changes nothing.
public struct Lease: Sendable, Hashable {
    /// What makes a lease this one and no other: a job can be claimed again while a late handler still works on it.
    struct Key: Sendable, Hashable {
        let jobID: Int64
        let epoch: Int64
    }

    var key: Key { Key(jobID: jobID, epoch: epoch) }

    public let jobID: Int64
    /// Incremented by each claim of this job, never reset.
    public let epoch: Int64
    /// Which attempt of the retry budget this is, from 1. A snooze, a crash, a release or a replay spends none.
    public let attempt: Int
    /// How many workers died while this job ran alone.
    public let crashes: Int
    /// A worker died while this job ran: it runs alone now, so that the next death tells.
    public let isSuspect: Bool
    public let queue: String
    public let kind: String
    /// The job's arguments, a JSON object as text.
    public let args: String
    public let subject: String?
    public let priority: Priority
    public let createdAt: Timestamp
    /// When the retry budget began: at the first claim ever, or the first since a replay.
    public let firstAttemptAt: Timestamp
    public let claimedAt: Timestamp
    public let expiresAt: Timestamp
    /// The id in `settled.workers` of the holder.
    public let worker: Int64
    /// The hold that this job was let out of, to find out whether its cause has passed; nil for all others. Its handler
    /// lets it through where it would answer `hold` otherwise.
    public let holdKey: String?
    let readyOrder: Int64

    public init(
        jobID: Int64, epoch: Int64, attempt: Int = 1, crashes: Int = 0, isSuspect: Bool = false, queue: String,
        kind: String,
        args: String = "{}", subject: String? = nil, priority: Priority = .normal, createdAt: Timestamp = .now(),
        firstAttemptAt: Timestamp = .now(), claimedAt: Timestamp = .now(), expiresAt: Timestamp = .now() + .seconds(30),
        worker: Int64 = 0, holdKey: String? = nil, readyOrder: Int64 = 0
    ) {
        self.jobID = jobID
        self.epoch = epoch
        self.attempt = attempt
        self.crashes = crashes
        self.isSuspect = isSuspect
        self.queue = queue
        self.kind = kind
        self.args = args
        self.subject = subject
        self.priority = priority
        self.createdAt = createdAt
        self.firstAttemptAt = firstAttemptAt
        self.claimedAt = claimedAt
        self.expiresAt = expiresAt
        self.worker = worker
        self.holdKey = holdKey
        self.readyOrder = readyOrder
    }
}
