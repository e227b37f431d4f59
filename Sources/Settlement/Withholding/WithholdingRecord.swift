import Postgres
import Wire

/// One withholding order as people and programs see it.
public struct WithholdingRecord: Sendable {
    /// An instalment as it was seen last.
    public struct Detail: Sendable {
        public let planID: String
        public let payStatus: String
        public let amountRaw: String?
        public let amountFen: Int64?
        public let alipayTradeNo: String?
        public let payTime: Timestamp?
        public let errCode: String?
        public let errMsg: String?
        /// Its settlement; nil while the money has not moved.
        public let settlementID: Int64?
    }

    /// An instalment as it was seen at one time.
    public struct Seen: Sendable {
        public let at: Timestamp
        public let detail: Detail
    }

    public struct Poll: Sendable {
        public let at: Timestamp
        /// The order's status, or the failure's cause.
        public let verdict: String
        public let requestID: String?
    }

    public let id: Int64
    public let bizOrderID: String
    public let payBizCode: String
    /// As the platform wrote it; nil before its first answer.
    public let payStatus: String?
    public let totalRaw: String?
    public let totalFen: Int64?
    public let polls: Int64
    public let lastPolledAt: Timestamp?
    /// nil when nobody will ask again by itself.
    public let nextPollAt: Timestamp?
    public let addedAt: Timestamp
    public let addedBy: String
    public let endedAt: Timestamp?
    public let jobID: Int64
    public let jobState: String?
    /// Why the job is where it is.
    public let cause: String?
    public let message: String?
    public internal(set) var details: [Detail] = []
    /// Oldest first, at most the last 500; only when one order is shown.
    public internal(set) var history: [Seen]?
    /// Oldest first, at most the last 50; only when one order is shown.
    public internal(set) var recentPolls: [Poll]?

    var key: [String] { [payBizCode, bizOrderID] }
    static func key(_ row: Row) throws -> [String] { [try row.text("pay_biz_code"), try row.text("biz_order_id")] }
}

extension WithholdingRecord {
    init(_ row: Row) throws {
        self.init(
            id: try row.int8("id"), bizOrderID: try row.text("biz_order_id"), payBizCode: try row.text("pay_biz_code"),
            payStatus: try row.textOrNil("pay_status"), totalRaw: try row.textOrNil("total_raw"),
            totalFen: try row.int8OrNil("total_fen"), polls: try row.int8("polls"),
            lastPolledAt: try row.timestamptzOrNil("last_polled_at"),
            nextPollAt: try row.timestamptzOrNil("next_poll_at"), addedAt: try row.timestamptz("added_at"),
            addedBy: try row.text("added_by"), endedAt: try row.timestamptzOrNil("ended_at"),
            jobID: try row.int8("job_id"), jobState: try row.textOrNil("job_state"),
            cause: try row.textOrNil("cause"), message: try row.textOrNil("message") ?? row.textOrNil("note"))
    }

    /// The order as one JSON object, the same for API and commands.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 1024)
        json.object { json in
            json.member("id", id)
            json.member("biz_order_id", bizOrderID)
            json.member("pay_biz_code", payBizCode)
            json.member("pay_status", orNull: payStatus)
            json.member("total_amount_raw", orNull: totalRaw)
            json.member("total_amount_fen", orNull: totalFen)
            json.member("polls", polls)
            json.member("last_polled_at", orNull: lastPolledAt?.local)
            json.member("next_poll_at", orNull: nextPollAt?.local)
            json.member("added_at", addedAt.local)
            json.member("added_by", addedBy)
            json.member("ended_at", orNull: endedAt?.local)
            json.member("job_id", jobID)
            json.member("job_state", orNull: jobState)
            json.member("cause", orNull: cause)
            json.member("message", orNull: message)
            json.array("details") { json in
                for detail in details { json.object { detail.write(to: &$0) } }
            }
            if let history {
                json.array("history") { json in
                    for seen in history {
                        json.object { json in
                            json.member("seen_at", seen.at.local)
                            seen.detail.write(to: &json)
                        }
                    }
                }
            }
            if let recentPolls {
                json.array("recent_polls") { json in
                    for poll in recentPolls {
                        json.object { json in
                            json.member("at", poll.at.local)
                            json.member("verdict", poll.verdict)
                            json.member("request_id", orNull: poll.requestID)
                        }
                    }
                }
            }
        }
        return json.bytes
    }
}

extension WithholdingRecord.Detail {
    init(_ row: Row) throws {
        self.init(
            planID: try row.text("plan_id"), payStatus: try row.text("pay_status"),
            amountRaw: try row.textOrNil("amount_raw"), amountFen: try row.int8OrNil("amount_fen"),
            alipayTradeNo: try row.textOrNil("alipay_trade_no"), payTime: try row.timestamptzOrNil("pay_time"),
            errCode: try row.textOrNil("err_code"), errMsg: try row.textOrNil("err_msg"),
            settlementID: try row.int8OrNil("settlement_id"))
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.member("plan_id", planID)
        json.member("pay_status", payStatus)
        json.member("amount_raw", orNull: amountRaw)
        json.member("amount_fen", orNull: amountFen)
        json.member("alipay_trade_no", orNull: alipayTradeNo)
        json.member("pay_time", orNull: payTime?.local)
        json.member("err_code", orNull: errCode)
        json.member("err_msg", orNull: errMsg)
        json.member("settlement_id", orNull: settlementID)
    }
}

extension WithholdingRecord.Seen {
    init(_ row: Row) throws {
        self.init(at: try row.timestamptz("seen_at"), detail: try WithholdingRecord.Detail(row))
    }
}

extension WithholdingRecord.Poll {
    init(_ row: Row) throws {
        self.init(
            at: try row.timestamptz("at"), verdict: try row.text("verdict"),
            requestID: try row.textOrNil("request_id"))
    }
}

extension Timestamp {
    fileprivate var local: String { rfc3339(offsetSeconds: 8 * 3600) }
}
