import Alipay
import Wire

/// What the platform says of a trade, in the three forms that exist.
enum NotificationText {
    /// The property-fee notification with the field set that was seen in life: no notify_id, no app_id, `_request_path` signed.
    static func cplife(_ trade: Trade, path: String, notifiedAt: Int64) -> NotificationMessage {
        NotificationMessage(
            parameters: [
                ("gmt_create", ShanghaiTime.format(unixSeconds: trade.paidAt - 5)),
                ("det_list", trade.bills.map(\.id).joined(separator: "|")), ("charset", "utf-8"),
                ("notify_time", ShanghaiTime.format(unixSeconds: notifiedAt)),
                ("gmt_payment", ShanghaiTime.format(unixSeconds: trade.paidAt)), ("body", trade.bizEntityID),
                ("buyer_user_id", trade.buyerUserID), ("fund_bill_list", fundList(trade)),
                ("total_amount", yuan(trade.totalFen)), ("service", "alipay.industry.car.appid.invoke"),
                ("refund_fee", ""), ("trade_status", trade.status.rawValue), ("trade_no", trade.tradeNo),
                ("buyer_logon_id", trade.buyerLogonID), ("receipt_amount", yuan(trade.totalFen)),
                ("seller_id", trade.sellerID), ("_request_path", path),
            ], form: .v2)
    }

    /// The notification of modes that give a token in place of the trade number: only the token leads to the trade.
    static func tokenOnly(_ trade: Trade, token: String, path: String, notifiedAt: Int64) -> NotificationMessage {
        NotificationMessage(
            parameters: [
                ("charset", "utf-8"), ("notify_time", ShanghaiTime.format(unixSeconds: notifiedAt)),
                ("query_token", token), ("body", trade.bizEntityID), ("biz_type", trade.bizType),
                ("service", "alipay.industry.car.appid.invoke"), ("seller_id", trade.sellerID),
                ("_request_path", path),
            ], form: .v2)
    }

    /// The general trade notification (`trade_status_sync`).
    static func trade(_ trade: Trade, appID: String, notifyID: String, notifiedAt: Int64) -> NotificationMessage {
        NotificationMessage(
            parameters: [
                ("gmt_create", ShanghaiTime.format(unixSeconds: trade.paidAt - 5)), ("charset", "utf-8"),
                ("subject", "物业费"), ("body", trade.bizEntityID), ("buyer_id", trade.buyerUserID),
                ("invoice_amount", yuan(trade.totalFen)), ("notify_id", notifyID),
                ("fund_bill_list", fundList(trade)), ("notify_type", "trade_status_sync"),
                ("trade_status", trade.status.rawValue), ("receipt_amount", yuan(trade.totalFen)),
                ("buyer_pay_amount", yuan(trade.totalFen)), ("app_id", appID), ("auth_app_id", appID),
                ("seller_id", trade.sellerID), ("gmt_payment", ShanghaiTime.format(unixSeconds: trade.paidAt)),
                ("notify_time", ShanghaiTime.format(unixSeconds: notifiedAt)), ("version", "1.0"),
                ("out_trade_no", "ORDER-\(trade.tradeNo.suffix(16))"), ("total_amount", yuan(trade.totalFen)),
                ("trade_no", trade.tradeNo), ("buyer_logon_id", trade.buyerLogonID), ("point_amount", "0.00"),
            ], form: .v1)
    }

    /// camelCase here, snake_case in the gateway's answer: the platform's own inconsistency.
    private static func fundList(_ trade: Trade) -> String {
        let entries = trade.funds.map { fund in
            AnswerText.object([("amount", .string(yuan(fund.fen))), ("fundChannel", .string(fund.channel))])
        }
        return AnswerText.array(entries).written(.plain)
    }
}

extension NotificationMessage {
    /// The same message in GBK, said so in `charset` and in Content-Type.
    func inGBK(label: String = "GBK") -> NotificationMessage {
        var message = self
        message.charset = .gbk
        message.charsetLabel = label
        message["charset"] = label
        return message
    }
}
