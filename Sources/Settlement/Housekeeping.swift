import JobQueue
import Logging
import Postgres
import ServiceLifecycle

/// Keeps the tables that grow by day in shape: partitions ahead, old ones gone, old rejected bodies gone.
public struct Housekeeping: Service {
    public struct Retention: Sendable {
        /// Days for which raw deliveries are kept; their digests stay for ever.
        public var deliveries = 400
        public var gatewayLog = 30
        public var rejected = 7
        public init() {}
    }

    private let pool: Pool
    private let intake: Intake?
    private let retention: Retention
    private let interval: Duration
    private let logger: Logger

    public init(
        pool: Pool, intake: Intake?, retention: Retention = Retention(), interval: Duration = .seconds(3600),
        logger: Logger
    ) {
        self.pool = pool
        self.intake = intake
        self.retention = retention
        self.interval = interval
        self.logger = logger
    }

    static let ensure = Statement("partitions.ensure", "SELECT settled.ensure_partitions($1, $2) AS made")
    static let drop = Statement("partitions.drop", "SELECT settled.drop_partitions($1, $2) AS dropped")

    public func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await runOnce()
                } catch {
                    logger.warning("housekeeping failed and is tried again", metadata: ["err.msg": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    public func runOnce() async throws {
        for (table, keep) in [("deliveries", retention.deliveries), ("gateway_log", retention.gatewayLog)] {
            _ = try await pool.query(FeedReader.lane, Self.ensure, [.text(table), .int4(7)])
            _ = try await pool.query(FeedReader.lane, Self.drop, [.text(table), .int4(Int32(keep))])
        }
        try await WithholdingPolls(pool: pool).expire(olderThanDays: retention.gatewayLog)
        try await intake?.tidyRejected(olderThan: .seconds(retention.rejected * 86_400))
    }
}
