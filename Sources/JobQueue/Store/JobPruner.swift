import Logging
import Postgres
import ServiceLifecycle

/// How long ended jobs are kept. Quarantined jobs have not ended and stay until a person decides.
public struct Retention: Sendable, Hashable {
    public var done: Duration
    /// Failed and cancelled ones, which can still be replayed.
    public var stopped: Duration

    public init(done: Duration = .seconds(30 * 86_400), stopped: Duration = .seconds(90 * 86_400)) {
        self.done = done
        self.stopped = stopped
    }
}

/// A service that deletes ended jobs by age, with their attempts, in batches. What people did (`job_events`) stays.
public struct JobPruner: Service {
    private let pool: Pool
    private let lane: Lane
    private let retention: Retention
    private let interval: Duration
    private let batch: Int
    private let logger: Logger

    /// - Parameter interval: between rounds.
    /// - Parameter batch: jobs deleted in one transaction.
    public init(
        pool: Pool, lane: Lane = "upkeep", retention: Retention = Retention(), interval: Duration = .seconds(300),
        batch: Int = 5_000, logger: Logger
    ) {
        self.pool = pool
        self.lane = lane
        self.retention = retention
        self.interval = interval
        self.batch = max(1, batch)
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let count = try await runOnce()
                    if count > 0 { logger.info("jobs.pruned", metadata: ["count": "\(count)"]) }
                } catch {
                    logger.warning("jobs.prune_failed", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// Deletes all that is due now. Returns how many jobs went.
    public func runOnce() async throws -> Int {
        try await prune(["done"], retention.done) + prune(["failed", "cancelled"], retention.stopped)
    }

    private func prune(_ states: [String], _ age: Duration) async throws -> Int {
        let parameters: [Parameter] = [.textArray(states), .int8(age.wholeMicroseconds), .int8(Int64(batch))]
        var total = 0
        while !Task.isCancelled {
            let count = Int(try await pool.query(lane, .prune, parameters).first?.int8(0) ?? 0)
            total += count
            if count < batch { break }
        }
        _ = try await pool.query(lane, .pruneWorkers)
        return total
    }
}

extension Statement {
    fileprivate static let prune = Statement(
        "jobs_prune",
        """
        WITH old AS MATERIALIZED (
            SELECT id FROM settled.job_history
            WHERE state = ANY ($1::text[]) AND finished_at < now() - $2 * interval '1 microsecond'
            ORDER BY finished_at LIMIT $3
            FOR UPDATE SKIP LOCKED
        ), pruned AS (
            DELETE FROM settled.job_history WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id
        ), attempts AS (
            DELETE FROM settled.job_attempts WHERE job_id = ANY (ARRAY(SELECT id FROM old))
        )
        SELECT count(*) FROM pruned
        """)

    fileprivate static let pruneWorkers = Statement(
        "workers_prune", "DELETE FROM settled.workers WHERE heartbeat_at < now() - interval '7 days'")
}
