import Postgres

/// A job to be enqueued: which handler shall do what, when, and how urgently.
public struct NewJob: Sendable, Hashable {
    /// When the job becomes ready, by the database's clock.
    public enum Start: Sendable, Hashable {
        case now
        case after(Duration)
        case at(Timestamp)
    }

    /// Whose runners take it; 1 to 64 characters.
    public var queue: String
    /// What sort of work it is, for the handler and for metrics; 1 to 64 characters, few different ones.
    public var kind: String
    /// A JSON object.
    public var args: String
    public var priority: Priority
    /// The business key that people will search by, such as an order number.
    public var subject: String?
    /// At most one job that has not ended may hold a key; see ``Enqueued/isNew``.
    public var uniqueKey: String?
    public var start: Start

    public init(
        queue: String, kind: String, args: String = "{}", priority: Priority = .normal, subject: String? = nil,
        uniqueKey: String? = nil, start: Start = .now
    ) {
        self.queue = queue
        self.kind = kind
        self.args = args
        self.priority = priority
        self.subject = subject
        self.uniqueKey = uniqueKey
        self.start = start
    }
}

/// The order in which ready jobs of one queue are taken: all urgent ones first, and so on. Few and fixed, because a
/// claimer keeps a mark for each.
public enum Priority: Int16, Sendable, Hashable, CaseIterable, Comparable {
    case urgent = 0
    case normal = 1
    case low = 2
    case bulk = 3

    public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
}

/// What became of a ``NewJob``.
public struct Enqueued: Sendable, Hashable {
    public let jobID: Int64
    /// False for a duplicate: a job with the same ``NewJob/uniqueKey`` that had not ended stood already, `jobID` is
    /// that one's, and nothing of the new job was stored.
    public let isNew: Bool

    public init(jobID: Int64, isNew: Bool) {
        self.jobID = jobID
        self.isNew = isNew
    }
}
