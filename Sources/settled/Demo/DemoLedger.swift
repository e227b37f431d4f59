import Postgres
import Sandbox
import Settlement

/// Reads what the program says of itself, straight from its tables, for the judge.
struct DemoLedger: Sendable {
    let pool: Pool

    struct Progress: Sendable, Hashable {
        var unfinished: Int64
        var finished: Int64
        var settlements: Int64
        var published: Int64
        /// Nothing is left to do and everything that was settled can be read.
        var isQuiet: Bool { unfinished == 0 && settlements == published }
    }

    static let progress = Statement(
        "demo.progress",
        """
        SELECT (SELECT count(*) FROM settled.jobs WHERE state <> 'quarantined') AS unfinished,
               (SELECT count(*) FROM settled.job_history)
                   + (SELECT count(*) FROM settled.jobs WHERE state = 'quarantined') AS finished,
               (SELECT count(*) FROM settled.settlements) AS settlements,
               (SELECT published_head FROM settled.feed_heads WHERE feed_id = 'main') AS published
        """)
    static let settlements = Statement(
        "demo.settlements",
        """
        SELECT id, kind, trade_no, total_fen, seller_id, paid_at FROM settled.settlements WHERE kind <> 'withholding'
        ORDER BY id
        """)
    static let bills = Statement(
        "demo.bills",
        """
        SELECT settlement_id, bill_entry_id, acct_period, cost_type, amount_fen FROM settled.settlement_bills
        ORDER BY settlement_id, line_no
        """)
    static let funds = Statement(
        "demo.funds",
        "SELECT settlement_id, fund_channel, amount_fen FROM settled.settlement_funds ORDER BY settlement_id, line_no")
    static let jobs = Statement(
        "demo.jobs",
        """
        SELECT args->>'trade_no' AS trade_no, args->>'query_token' AS query_token, coalesce(outcome, state) AS outcome, cause
        FROM settled.job_list ORDER BY id
        """)
    static let deliveries = Statement(
        "demo.deliveries", "SELECT result, count(*) AS times FROM settled.deliveries GROUP BY result ORDER BY result")
    static let rejected = Statement(
        "demo.rejected", "SELECT cause, sum(times)::int8 AS times FROM settled.rejected GROUP BY cause ORDER BY cause")

    func progress() async throws -> Progress {
        guard let row = try await pool.query(TokenStore.lane, Self.progress).first else {
            throw CommandFailure("the database gave no answer")
        }
        return Progress(
            unfinished: try row.int8("unfinished"), finished: try row.int8("finished"),
            settlements: try row.int8("settlements"), published: try row.int8("published"))
    }

    func account() async throws -> ReceiverAccount {
        try await pool.transaction(TokenStore.lane, isolation: .repeatableRead) { tx in
            var bills: [Int64: [Trade.Bill]] = [:]
            for row in try tx.query(Self.bills) {
                bills[try row.int8("settlement_id"), default: []].append(
                    Trade.Bill(
                        id: try row.text("bill_entry_id"), period: try row.textOrNil("acct_period") ?? "",
                        costType: try row.textOrNil("cost_type") ?? "", fen: try row.int8("amount_fen")))
            }
            var funds: [Int64: [Trade.Fund]] = [:]
            for row in try tx.query(Self.funds) {
                funds[try row.int8("settlement_id"), default: []].append(
                    Trade.Fund(channel: try row.text("fund_channel"), fen: try row.int8("amount_fen")))
            }
            let settlements = try tx.query(Self.settlements).map { row in
                let id = try row.int8("id")
                return SettledTrade(
                    kind: try row.text("kind") == "reversal" ? .reversal : .payment, tradeNo: try row.text("trade_no"),
                    totalFen: try row.int8("total_fen"), sellerID: try row.text("seller_id"),
                    paidAt: try row.timestamptzOrNil("paid_at").map { $0.unixMicroseconds / 1_000_000 },
                    bills: bills[id] ?? [], funds: funds[id] ?? [])
            }
            let jobs = try tx.query(Self.jobs).map { row in
                JobAccount(
                    tradeNo: try row.textOrNil("trade_no"), queryToken: try row.textOrNil("query_token"),
                    outcome: try row.text("outcome"), cause: try row.textOrNil("cause"))
            }
            return ReceiverAccount(settlements: settlements, jobs: jobs)
        }
    }

    func deliveries() async throws -> [(result: String, times: Int64)] {
        try await pool.query(TokenStore.lane, Self.deliveries).map { (try $0.text("result"), try $0.int8("times")) }
    }

    func rejected() async throws -> [(cause: String, times: Int64)] {
        try await pool.query(TokenStore.lane, Self.rejected).map { (try $0.text("cause"), try $0.int8("times")) }
    }
}
