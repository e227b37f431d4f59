import Postgres

/// The queue for people: what there is, why it is so, and the interventions, each of which names an actor and a reason.
///
/// Every function runs on the connection that it is given and inside the transaction that is open there, if any.
public enum JobStore {
    /// Jobs that match, the newest first.
    ///
    /// - Parameter before: only jobs with lower ids: the last id of the page before.
    /// - Parameter limit: at most 10,000 are returned.
    public static func list(
        _ filter: JobFilter = JobFilter(), before: Int64? = nil, limit: Int = 100, on connection: isolated Connection
    ) throws(PostgresError) -> [Job] {
        let rows = try connection.query(
            filter.statement(isFirstPage: before == nil), filter.parameters(before: before, limit: limit))
        var jobs: [Job] = []
        for row in rows { jobs.append(try Job(row)) }
        return jobs
    }

    /// One job with its history, or nil when there is none, or none any more.
    public static func show(_ id: Int64, on connection: isolated Connection) throws(PostgresError) -> JobDetail? {
        guard let row = try connection.query(.showJob, [.int8(id)]).first else { return nil }
        let job = try Job(row)
        var attempts: [JobAttempt] = []
        for row in try connection.query(.showAttempts, [.int8(id)]) { attempts.append(try JobAttempt(row)) }
        var events: [JobEvent] = []
        for row in try connection.query(.showEvents, [.int8(id)]) { events.append(try JobEvent(row)) }
        return JobDetail(job: job, attempts: attempts, events: events)
    }
}

/// Which jobs are meant; all conditions that are set hold together.
public struct JobFilter: Sendable, Hashable {
    public var state: JobState?
    public var queue: String?
    public var kind: String?
    public var cause: String?
    public var subject: String?

    public init(
        state: JobState? = nil, queue: String? = nil, kind: String? = nil, cause: String? = nil, subject: String? = nil
    ) {
        self.state = state
        self.queue = queue
        self.kind = kind
        self.cause = cause
        self.subject = subject
    }

    private var conditions: [(column: String, value: String)] {
        [("queue", queue), ("kind", kind), ("cause", cause), ("subject", subject)].compactMap { column, value in
            value.map { (column, $0) }
        }
    }

    /// One statement for each combination of conditions. The state is a constant in it, so that the planner can prove which
    /// partial index serves, and that the other table's CHECK rules it out.
    func statement(isFirstPage: Bool) -> Statement {
        var name = "job_list"
        var clauses: [String] = []
        if let state {
            name += "_\(state.rawValue)"
            clauses.append("state = '\(state.rawValue)'")
        }
        for (index, condition) in conditions.enumerated() {
            name += "_\(condition.column.prefix(2))"
            clauses.append("\(condition.column) = $\(index + 2)")
        }
        if !isFirstPage {
            name += "_next"
            clauses.append("id < $\(conditions.count + 2)")
        }
        let condition = clauses.isEmpty ? "" : "WHERE \(clauses.joined(separator: " AND ")) "
        return Statement(name, "SELECT \(Job.columns) FROM settled.job_list \(condition)ORDER BY id DESC LIMIT $1")
    }

    func parameters(before: Int64?, limit: Int) -> [Parameter] {
        [.int8(Int64(min(max(limit, 0), 10_000)))] + conditions.map { .text($0.value) }
            + (before.map { [.int8($0)] } ?? [])
    }
}

/// A job and all that happened to it.
public struct JobDetail: Sendable, Hashable {
    public let job: Job
    /// Oldest first. An attempt that simply ended in done leaves no entry.
    public let attempts: [JobAttempt]
    /// What people did, oldest first.
    public let events: [JobEvent]
}

/// An attempt that did not simply end in done.
public struct JobAttempt: Sendable, Hashable {
    public let leaseEpoch: Int64
    public let worker: Int64?
    public let endedAt: Timestamp
    /// retry, snooze, hold, fail, quarantine, cancel: the handler's word. crash, lost, released: how the lease ended without one.
    public let disposition: String
    public let cause: String?
    public let message: String?

    init(_ row: Row) throws(PostgresError) {
        leaseEpoch = try row.int8("lease_epoch")
        worker = try row.int8OrNil("worker")
        endedAt = try row.timestamptz("ended_at")
        disposition = try row.text("disposition")
        cause = try row.textOrNil("cause")
        message = try row.textOrNil("message")
    }
}

/// Something that a person did to a job or a queue.
public struct JobEvent: Sendable, Hashable {
    public let at: Timestamp
    /// replay, resolve, cancel, quarantine, pause or resume.
    public let action: String
    public let actor: String
    public let reason: String
    public let from: String?
    public let to: String?
    /// The cause that the job showed before.
    public let cause: String?

    init(_ row: Row) throws(PostgresError) {
        at = try row.timestamptz("at")
        action = try row.text("action")
        actor = try row.text("actor")
        reason = try row.text("reason")
        from = try row.textOrNil("from_state")
        to = try row.textOrNil("to_state")
        cause = try row.textOrNil("cause")
    }
}

extension Statement {
    fileprivate static let showJob = Statement(
        "job_show", "SELECT \(Job.columns) FROM settled.job_list WHERE id = $1")

    fileprivate static let showAttempts = Statement(
        "job_attempts_show",
        """
        SELECT lease_epoch, worker, ended_at, disposition, cause, message
        FROM settled.job_attempts WHERE job_id = $1 ORDER BY lease_epoch
        """)

    fileprivate static let showEvents = Statement(
        "job_events_show",
        """
        SELECT at, action, actor, reason, from_state, to_state, cause
        FROM settled.job_events WHERE job_id = $1 ORDER BY id
        """)
}
