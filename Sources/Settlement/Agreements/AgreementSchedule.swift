import Logging
import Postgres
import ServiceLifecycle

/// Begins the daily run when its time has come, goes on with a run that a killed process left, and ends what is done.
///
/// Every process may have one; the database decides who begins, and its clock when.
public struct AgreementSchedule: Service {
    private let runs: AgreementRuns
    private let hour: Int
    private let minute: Int
    private let interval: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - hour: when the daily run begins, in China's time, with `minute`.
    ///   - interval: how often the clock is looked at.
    public init(runs: AgreementRuns, hour: Int, minute: Int, interval: Duration = .seconds(20), logger: Logger) {
        self.runs = runs
        self.hour = hour
        self.minute = minute
        self.interval = interval
        self.logger = logger
    }

    public func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await runOnce()
                } catch {
                    guard !Task.isCancelled else { return }
                    logger.warning("agreements.schedule_failed", metadata: ["err.msg": "\(error)"])
                }
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// One look at the clock and at the open run.
    public func runOnce() async throws {
        if let run = try await runs.beginDaily(hour: hour, minute: minute) {
            logger.notice("agreements.run_begun", metadata: ["run": "\(run)", "app": "\(runs.appID)"])
        }
        guard let latest = try await runs.progress().first, latest.finishedAt == nil else { return }
        if !latest.isQueued { try await runs.queueChecks(of: latest.id) }
        try await runs.finishIfDone()
    }
}
