import Postgres

/// What is at stake when pay-result jobs are replayed: how much money they speak of, and how much of it stands already.
public struct ReplayStakes: Sendable, Hashable {
    public let jobs: Int64
    /// What the notifications claimed, in fen; jobs that claim nothing count as 0.
    public let claimedFen: Int64
    /// Jobs whose trade has a settlement: a replay of these can only confirm it.
    public let settledAlready: Int64

    static let stakes = Statement(
        "replay.stakes",
        """
        SELECT count(*) AS jobs,
               coalesce(sum(CASE WHEN jsonb_typeof(args -> 'total_fen') = 'number'
                                 THEN trunc((args ->> 'total_fen')::numeric) END), 0)::int8 AS claimed,
               count(*) FILTER (WHERE EXISTS (
                   SELECT FROM settled.settlements s WHERE s.trade_no = j.args ->> 'trade_no')) AS settled
        FROM settled.job_list j WHERE id = ANY ($1::int8[]) AND kind = $2
        """)

    public static func of(_ jobs: [Int64], on connection: isolated Connection) throws(PostgresError) -> ReplayStakes {
        guard let row = try connection.query(stakes, [.int8Array(jobs), .text(PayResultJob.kind)]).first else {
            return ReplayStakes(jobs: 0, claimedFen: 0, settledAlready: 0)
        }
        return ReplayStakes(
            jobs: try row.int8("jobs"), claimedFen: try row.int8("claimed"), settledAlready: try row.int8("settled"))
    }
}
