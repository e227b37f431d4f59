import Postgres

/// A runner as people see it.
public struct Worker: Sendable, Hashable {
    public let id: Int64
    /// Where it runs, such as `host:pid`.
    public let name: String
    public let queue: String
    public let startedAt: Timestamp
    public let heartbeatAt: Timestamp
    public let stoppedAt: Timestamp?
    /// Jobs that it worked on at its last heartbeat.
    public let running: Int
    /// It has shown itself within the last 30 seconds and has not stopped.
    public let isAlive: Bool
}

extension JobStore {
    /// Runners of the last day, the newest first.
    public static func workers(on connection: isolated Connection) throws(PostgresError) -> [Worker] {
        var workers: [Worker] = []
        for row in try connection.query(.workers) {
            workers.append(
                Worker(
                    id: try row.int8(0), name: try row.text(1), queue: try row.text(2),
                    startedAt: try row.timestamptz(3),
                    heartbeatAt: try row.timestamptz(4), stoppedAt: try row.timestamptzOrNil(5),
                    running: Int(try row.int4(6)), isAlive: try row.bool(7)))
        }
        return workers
    }
}

extension Statement {
    fileprivate static let workers = Statement(
        "workers_list",
        """
        SELECT id, name, queue, started_at, heartbeat_at, stopped_at, running,
               stopped_at IS NULL AND heartbeat_at > now() - interval '30 seconds'
        FROM settled.workers WHERE heartbeat_at > now() - interval '1 day' ORDER BY id DESC LIMIT 1000
        """)
}
