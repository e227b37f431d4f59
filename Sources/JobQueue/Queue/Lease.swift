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

    public var jobID: Int64 { terms.jobID }
    /// Incremented by each claim of this job, never reset.
    public var epoch: Int64 { terms.epoch }
    /// Which attempt of the retry budget this is, from 1. A snooze, a crash, a release or a replay spends none.
    public var attempt: Int { terms.attempt }
    /// How many workers died while this job ran alone.
    public var crashes: Int { terms.crashes }
    /// A worker died while this job ran: it runs alone now, so that the next death tells.
    public var isSuspect: Bool { terms.isSuspect }
    public var queue: String { terms.queue }
    public var kind: String { terms.kind }
    /// The job's arguments, a JSON object as text.
    public var args: String { terms.args }
    public var subject: String? { terms.subject }
    public var priority: Priority { terms.priority }
    public var createdAt: Timestamp { terms.createdAt }
    /// When the retry budget began: at the first claim ever, or the first since a replay.
    public var firstAttemptAt: Timestamp { terms.firstAttemptAt }
    public var claimedAt: Timestamp { terms.claimedAt }
    public var expiresAt: Timestamp { terms.expiresAt }
    /// The id in `settled.workers` of the holder.
    public var worker: Int64 { terms.worker }
    /// The hold that this job was let out of, to find out whether its cause has passed; nil for all others. Its handler
    /// lets it through where it would answer `hold` otherwise.
    public var holdKey: String? { terms.holdKey }
    var readyOrder: Int64 { terms.readyOrder }

    /// Where the row lay when ``JobQueue/lockLive(_:in:)`` locked it, for the rest of that transaction. No part of what makes two
    /// leases equal.
    var place: TupleID?

    private var terms: Terms { reference.terms }
    private let reference: Reference

    private struct Terms: Sendable, Hashable {
        let jobID: Int64
        let epoch: Int64
        let attempt: Int
        let crashes: Int
        let isSuspect: Bool
        let queue: String
        let kind: String
        let args: String
        let subject: String?
        let priority: Priority
        let createdAt: Timestamp
        let firstAttemptAt: Timestamp
        let claimedAt: Timestamp
        let expiresAt: Timestamp
        let worker: Int64
        let holdKey: String?
        let readyOrder: Int64
    }

    /// What a lease says never changes, and it is handed on many times: not seventeen fields at a time.
    private final class Reference: Sendable {
        let terms: Terms
        init(_ terms: Terms) { self.terms = terms }
    }

    public init(
        jobID: Int64, epoch: Int64, attempt: Int = 1, crashes: Int = 0, isSuspect: Bool = false, queue: String,
        kind: String,
        args: String = "{}", subject: String? = nil, priority: Priority = .normal, createdAt: Timestamp = .now(),
        firstAttemptAt: Timestamp = .now(), claimedAt: Timestamp = .now(), expiresAt: Timestamp = .now() + .seconds(30),
        worker: Int64 = 0, holdKey: String? = nil, readyOrder: Int64 = 0
    ) {
        reference = Reference(
            Terms(
                jobID: jobID, epoch: epoch, attempt: attempt, crashes: crashes, isSuspect: isSuspect, queue: queue,
                kind: kind, args: args, subject: subject, priority: priority, createdAt: createdAt,
                firstAttemptAt: firstAttemptAt, claimedAt: claimedAt, expiresAt: expiresAt, worker: worker,
                holdKey: holdKey, readyOrder: readyOrder))
    }

    public static func == (left: Lease, right: Lease) -> Bool {
        left.reference === right.reference || left.terms == right.terms
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}
