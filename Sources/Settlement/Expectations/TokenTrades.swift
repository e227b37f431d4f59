import Postgres

/// Remembers which trade a query_token stands for, once a signed answer has said so.
///
/// A settlement is known by its trade; somebody who has the token alone finds it through this.
enum TokenTrades {
    static let insert = Statement(
        "token_trades.insert",
        """
        INSERT INTO settled.token_trades (app_id, query_token, trade_no, job_id)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[]) AS t (app_id, query_token, trade_no, job_id)
        ORDER BY app_id, query_token
        ON CONFLICT DO NOTHING
        """)

    /// Notes the trades of answers to questions that named a token and nothing else; others prove nothing about a token.
    ///
    /// Called with the trades locked, and in the order of the keys, so that two batches wait for each other instead of
    /// deadlocking.
    static func note(
        _ answers: [(jobID: Int64, job: PayResultJob, tradeNo: String)], in tx: isolated Connection
    ) throws(PostgresError) {
        let proved = answers.compactMap { answer in
            answer.job.tradeNo == nil ? answer.job.queryToken.map { (answer, $0) } : nil
        }
        guard !proved.isEmpty else { return }
        _ = try tx.query(
            insert,
            [
                .textArray(proved.map(\.0.job.appID)), .textArray(proved.map(\.1)),
                .textArray(proved.map(\.0.tradeNo)), .int8Array(proved.map(\.0.jobID)),
            ])
    }
}
