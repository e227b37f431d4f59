import Postgres

/// The states of a job. The first six are live; a job in one of the last three has ended.
public enum JobState: String, Sendable, Hashable, CaseIterable {
    /// Waits for a runner.
    case ready
    /// Waits for its time: enqueued for later, or snoozed.
    case scheduled
    /// Waits for its time after a failure.
    case retrying
    /// Leased by a runner.
    case running
    /// Waits until what stands in the way of all jobs under its key has passed.
    case held
    /// Waits for a person.
    case quarantined
    case done
    case failed
    case cancelled

    public var hasEnded: Bool {
        switch self {
        case .ready, .scheduled, .retrying, .running, .held, .quarantined: false
        case .done, .failed, .cancelled: true
        }
    }
}

/// A job as people see it, live or ended.
public struct Job: Sendable, Hashable {
    public let id: Int64
    public let queue: String
    public let kind: String
    public let state: JobState
    public let priority: Priority
    public let subject: String?
    public let uniqueKey: String?
    /// A JSON object.
    public let args: String
    /// Attempts spent.
    public let attempt: Int
    public let crashes: Int
    public let isSuspect: Bool
    /// When it became or becomes ready; of a held job: since when it is held.
    public let runAt: Timestamp
    public let createdAt: Timestamp
    public let firstAttemptAt: Timestamp?
    public let finishedAt: Timestamp?
    public let leaseEpoch: Int64
    /// The worker that has it or had it last.
    public let worker: Int64?
    public let leaseExpiresAt: Timestamp?
    /// The word that a done job ended with.
    public let outcome: String?
    /// Of the last failure.
    public let cause: String?
    public let message: String?
    /// What the handler or a person remarked.
    public let note: String?
    /// What a held job waits under, or what a job was let out of to find out.
    public let holdKey: String?

    static let columns = """
        id, queue, kind, state, priority, subject, unique_key, args, attempt, crashes, suspect, run_at, created_at,
        first_attempt_at, finished_at, lease_epoch, lease_owner, lease_expires_at, outcome, cause, message, note,
        hold_key
        """

    init(_ row: Row) throws(PostgresError) {
        id = try row.int8("id")
        queue = try row.text("queue")
        kind = try row.text("kind")
        let word = try row.text("state")
        guard let known = JobState(rawValue: word) else {
            throw PostgresError(.decoding, "job state \(word) is not known")
        }
        state = known
        priority = Priority(rawValue: try row.int2("priority")) ?? .normal
        subject = try row.textOrNil("subject")
        uniqueKey = try row.textOrNil("unique_key")
        args = try row.jsonb("args")
        attempt = Int(try row.int4("attempt"))
        crashes = Int(try row.int2("crashes"))
        isSuspect = try row.bool("suspect")
        runAt = try row.timestamptz("run_at")
        createdAt = try row.timestamptz("created_at")
        firstAttemptAt = try row.timestamptzOrNil("first_attempt_at")
        finishedAt = try row.timestamptzOrNil("finished_at")
        leaseEpoch = try row.int8("lease_epoch")
        worker = try row.int8OrNil("lease_owner")
        leaseExpiresAt = try row.timestamptzOrNil("lease_expires_at")
        outcome = try row.textOrNil("outcome")
        cause = try row.textOrNil("cause")
        message = try row.textOrNil("message")
        note = try row.textOrNil("note")
        holdKey = try row.textOrNil("hold_key")
    }
}
