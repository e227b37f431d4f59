import Postgres

extension JobSignal {
    /// Tells every process that listens that `queues` have jobs, from a program that has no ``JobSignal`` running, such as a
    /// command. Call it after the commit; without it the jobs are found by polling.
    public static func announce(_ queues: Set<String>, on connection: isolated Connection) throws(PostgresError) {
        guard !queues.isEmpty else { return }
        _ = try connection.query(.announce, [.text(channel), .textArray(queues.sorted())])
    }
}

extension Statement {
    fileprivate static let announce = Statement(
        "jobs_announce", "SELECT pg_notify($1, queue) FROM unnest($2::text[]) AS ready (queue)")
}
