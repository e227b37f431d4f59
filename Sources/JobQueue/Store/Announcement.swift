import Postgres

extension JobSignal {
    /// Tells every process that listens that `queues` have jobs, from a program that has no ``JobSignal`` running, such as a
    /// command. Call it after the commit; without it the jobs are found by polling.
    public static func announce(_ queues: Set<String>, on connection: isolated Connection) throws(PostgresError) {
        guard !queues.isEmpty else { return }
        _ = try connection.query(.notify, [.text(channel), .textArray(queues.sorted())])
    }
}
