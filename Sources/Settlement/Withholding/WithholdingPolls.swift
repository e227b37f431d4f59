import Postgres

/// The short record of every question about an order, which is kept as long as the gateway's answers.
struct WithholdingPolls: Sendable {
    let pool: Pool

    static let expire = Statement(
        "withholdings.expire_polls",
        """
        DELETE FROM settled.withholding_polls WHERE id IN (
            SELECT id FROM settled.withholding_polls WHERE at < now() - $1 * interval '1 day' ORDER BY id LIMIT 10000)
        """)

    /// Removes old ones, ten thousand in a statement, so that no lock is held for long.
    func expire(olderThanDays days: Int) async throws {
        while try await pool.query(FeedReader.lane, Self.expire, [.int4(Int32(days))]).affected == 10_000 {}
    }
}
