import Logging
import Postgres

// What a runner does about holds: it lets jobs out of them when their time has come, and keeps its board up to date.
extension JobRunner {
    /// Looks at the holds of all queues until the task is cancelled.
    func tendHolds() async {
        let beginning = ContinuousClock.now
        var restorations = SweepThrottle(every: .seconds(60))
        while !Task.isCancelled {
            do {
                let start = beginning.duration(to: .now)
                if restorations.isDue(now: start) {
                    try await pool.transaction(settings.upkeepLane) { tx in try JobQueue.restoreHolds(in: tx) }
                    restorations.swept(from: start, to: beginning.duration(to: .now))
                }
                if try await lookAtHolds() {
                    let round = try await pool.transaction(settings.upkeepLane) { [settings] tx in
                        try JobQueue.tendHolds(probeInterval: settings.probeInterval, in: tx)
                    }
                    wake(round.queues)
                    _ = try await lookAtHolds()
                }
            } catch {
                guard !Task.isCancelled else { break }
                logger.warning("jobs.holds_failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
            }
            try? await Task.sleep(for: settings.holdInterval)
        }
    }

    /// Writes the board. Returns whether some hold, of whatever queue, is due.
    private func lookAtHolds() async throws -> Bool {
        var entries: [String: HoldBoard.Entry] = [:]
        var isDue = false
        for row in try await pool.query(settings.upkeepLane, .lookAtHolds) {
            isDue = try isDue || row.bool(5)
            guard try row.text(0) == queue, try !row.bool(4) else { continue }
            entries[try row.text(1)] = HoldBoard.Entry(cause: try row.text(2), reason: try row.text(3))
        }
        holds.replace(entries)
        return isDue
    }
}

extension Statement {
    fileprivate static let lookAtHolds = Statement(
        "holds_look",
        "SELECT queue, key, cause, reason, lifted_at IS NOT NULL, next_at <= now() FROM settled.holds")
}
