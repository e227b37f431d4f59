import Postgres

/// The work behind one queue, in two steps: ``perform(_:)`` does it outside any transaction, ``record(_:in:)`` writes what
/// came of it in the same transaction that completes the jobs.
public protocol JobHandler: Sendable {
    associatedtype Output: Sendable

    /// Does the work of one job. Runs beside others, bounded by the runner; must end by itself, with deadlines of its own.
    /// It may run again for the same job, so its effects outside the database must bear repetition.
    func perform(_ lease: Lease) async -> Output

    /// Writes the effects of many jobs and says what becomes of each.
    ///
    /// Only jobs whose leases are live and locked are passed, in the order of their ids. The answer has as many
    /// dispositions, in the same order. An error undoes the whole batch: a transient ``PostgresError`` has it repeated, any
    /// other has it split until the job at fault stands alone and is quarantined with the cause `record_failed`.
    func record(_ finished: [(lease: Lease, output: Output)], in tx: isolated Connection) throws -> [Disposition]
}
