import Postgres

/// A queue as people see it.
public struct QueueState: Sendable, Hashable {
    public let name: String
    public let isPaused: Bool
    /// Why it is paused, and who did it.
    public let reason: String?
    public let changedBy: String?
    public let changedAt: Timestamp
}

extension JobStore {
    /// Stops claims from a queue, in all processes and at once. What runs goes on to its end.
    public static func pause(
        queue: String, by actor: Actor, on connection: isolated Connection
    ) throws(PostgresError) {
        _ = try connection.query(
            .pause, [.text(queue), .bool(true), .text(actor.name), .text(actor.reason), .text("pause")])
    }

    /// Lets claims happen again. Call ``JobSignal/send(queue:)`` afterwards.
    public static func resume(
        queue: String, by actor: Actor, on connection: isolated Connection
    ) throws(PostgresError) {
        _ = try connection.query(
            .pause, [.text(queue), .bool(false), .text(actor.name), .text(actor.reason), .text("resume")])
    }

    /// Every queue that a runner has served or that was paused, by name.
    public static func queues(on connection: isolated Connection) throws(PostgresError) -> [QueueState] {
        var queues: [QueueState] = []
        for row in try connection.query(.queues) {
            queues.append(
                QueueState(
                    name: try row.text(0), isPaused: try row.bool(1), reason: try row.textOrNil(2),
                    changedBy: try row.textOrNil(3), changedAt: try row.timestamptz(4)))
        }
        return queues
    }
}

extension Statement {
    fileprivate static let pause = Statement(
        "queues_pause",
        """
        WITH changed AS (
            INSERT INTO settled.queues (name, paused, changed_by, reason) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE
            SET paused = excluded.paused, changed_by = excluded.changed_by, reason = excluded.reason, changed_at = now()
            RETURNING name
        )
        INSERT INTO settled.job_events (queue, action, actor, reason) SELECT name, $5, $3, $4 FROM changed
        """)

    fileprivate static let queues = Statement(
        "queues_list", "SELECT name, paused, reason, changed_by, changed_at FROM settled.queues ORDER BY name")
}
