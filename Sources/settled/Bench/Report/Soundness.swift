import JobQueue
import Logging
import Postgres
import Settlement

/// Waits for the line's two ends, and looks at the feed: settled is what is in the ledger, published is what readers may have.
struct Soundness: Sendable {
    let database: DatabaseUnderBench
    /// No progress for so long is an end, not a pause.
    private static let patience = Duration.seconds(60)

    /// Until `count` settlements are committed.
    func settled(_ count: Int) async throws {
        try await waiting(for: count, "settlements", Self.settlements)
    }

    /// Until `count` items are published, and no more; then checks the whole feed.
    ///
    /// - Throws: when a settlement is missing in the feed or there twice, or the feed is out of order or its chain is broken.
    func published(_ count: Int) async throws {
        try await waiting(for: count, "items of the feed", Self.head)
        let pool = Pool(database.settings, lanes: [FeedReader.lane: 1], logger: database.logger)
        let result: Result<FeedVerification.Report, any Error>
        do { result = .success(try await FeedVerification(pool: pool).verify()) } catch { result = .failure(error) }
        await pool.close()
        let report = try result.get()
        guard report.isSound, report.items == count, report.unnumbered == 0 else {
            throw CommandFailure(
                "the feed of \(count) settlements is not sound: \(report.items) items, \(report.unnumbered) settlements "
                    + "without a number" + report.findings.prefix(1).map { "; \($0)" }.joined())
        }
    }

    private func waiting(for count: Int, _ what: String, _ statement: Statement) async throws {
        try await database.withConnection { connection in
            var last: (found: Int64, at: ContinuousClock.Instant) = (-1, .now)
            while true {
                let found = try await connection.query(statement).first?.int8(0) ?? 0
                if found >= count { return }
                if found > last.found { last = (found, .now) }
                guard last.at.duration(to: .now) < Self.patience else {
                    throw CommandFailure(
                        "of \(count) \(what), \(found) are there, and no more come: something was lost")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static let settlements = Statement("bench.settlements", "SELECT count(*) FROM settled.settlements")
    private static let head = Statement(
        "bench.published", "SELECT published_head FROM settled.feed_heads WHERE feed_id = 'main'")
}
