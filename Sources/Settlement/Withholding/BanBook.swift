import Postgres
import Synchronization
import Taobao

/// Knows until when nobody may ask: what this process was told, and what others wrote down.
///
/// TOP makes a ban longer for whoever asks during it, so a ban counts for every process that uses the same app key.
public final class BanBook: Sendable {
    private struct State {
        var until: ContinuousClock.Instant?
        var lookedAt: ContinuousClock.Instant?
    }

    private let appKey: String
    private let pool: Pool?
    private let lane: Lane
    private let lookEvery: Duration
    private let told: @Sendable (TOPFailure.Ban, _ cause: String) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - pool: nil knows only of this process.
    ///   - lookEvery: how often the database is asked what others were told.
    ///   - told: called when this process is told of a ban: somebody should know.
    public init(
        appKey: String, pool: Pool?, lane: Lane, lookEvery: Duration = .seconds(2),
        told: @escaping @Sendable (TOPFailure.Ban, _ cause: String) -> Void = { _, _ in }
    ) {
        self.appKey = appKey
        self.pool = pool
        self.lane = lane
        self.lookEvery = lookEvery
        self.told = told
    }

    static let find = Statement(
        "top_bans.find",
        """
        SELECT (extract(epoch FROM until - now()) * 1000000)::int8 AS microseconds FROM settled.top_bans
        WHERE app_key = $1 AND until > now()
        """)
    static let note = Statement(
        "top_bans.note",
        """
        INSERT INTO settled.top_bans AS b (app_key, until, is_daily_quota, cause)
        VALUES ($1, now() + $2 * interval '1 microsecond', $3, $4)
        ON CONFLICT (app_key) DO UPDATE
        SET until = EXCLUDED.until, is_daily_quota = EXCLUDED.is_daily_quota, cause = EXCLUDED.cause, noted_at = now()
        WHERE b.until < EXCLUDED.until
        """)

    /// How long nobody may ask yet; nil when asking is allowed.
    func remaining() async -> Duration? {
        await look()
        guard let until = state.withLock({ $0.until }) else { return nil }
        let left = ContinuousClock.now.duration(to: until)
        return left > .zero ? left : nil
    }

    /// Holds this process back at once; ``write(_:cause:in:)`` tells the others.
    func note(_ ban: TOPFailure.Ban, cause: String) {
        hold(for: ban.duration)
        told(ban, cause)
    }

    private func hold(for duration: Duration) {
        let until = ContinuousClock.now + duration
        state.withLock { $0.until = max($0.until ?? until, until) }
    }

    func write(_ ban: TOPFailure.Ban, cause: String, in tx: isolated Connection) throws(PostgresError) {
        let (seconds, attoseconds) = ban.duration.components
        _ = try tx.query(
            Self.note,
            [
                .text(appKey), .int8(seconds * 1_000_000 + attoseconds / 1_000_000_000_000), .bool(ban.isDailyQuota),
                .text(cause),
            ])
    }

    /// A database that does not answer is no reason to ask or not to ask: what this process knows holds.
    private func look() async {
        guard let pool else { return }
        let isDue = state.withLock { state in
            let now = ContinuousClock.now
            if let last = state.lookedAt, last.duration(to: now) < lookEvery { return false }
            state.lookedAt = now
            return true
        }
        guard isDue, let rows = try? await pool.query(lane, Self.find, [.text(appKey)]),
            let left = try? rows.first?.int8("microseconds")
        else { return }
        hold(for: .microseconds(left))
    }
}
