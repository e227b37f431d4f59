import JobQueue
import Taobao
import Wire

/// The job that asks about one order until it ends.
public enum WithholdingJob {
    public static let queue = "withholding"
    public static let kind = "withholding"

    static func new(_ order: WithholdingOrder) -> NewJob {
        NewJob(
            queue: queue, kind: kind, args: args(of: order), subject: order.bizOrderID,
            uniqueKey: "withholding:\(order.payBizCode):\(order.bizOrderID)")
    }

    static func args(of order: WithholdingOrder) -> String { order.param }

    /// The order of a job's arguments; nil when they are not such a job's.
    static func order(args: String) -> WithholdingOrder? {
        guard let json = try? JSONValue(parsing: Array(args.utf8)), let id = json["biz_order_id"]?.text,
            let code = json["pay_biz_code"]?.text
        else { return nil }
        return try? WithholdingOrder(bizOrderID: id, payBizCode: code)
    }
}
