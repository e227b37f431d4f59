import Alipay
import Wire

/// The response node of `alipay.eco.cplife.pay.result.query`, written in any of the shapes that the documents leave open.
enum PayResultText {
    static func success(_ trade: Trade, _ shape: AnswerShape) -> String {
        let funds = trade.funds.map { fund in
            AnswerText.object([("amount", money(fund.fen, shape)), ("fund_channel", .string(fund.channel))])
        }
        let bills = trade.bills.map { bill in
            AnswerText.object([
                ("acct_period", .string(bill.period)), ("bill_entry_amount", money(bill.fen, shape)),
                ("bill_entry_id", .string(bill.id)), ("cost_type", .string(bill.costType)),
            ])
        }
        return AnswerText.object([
            ("code", .string("10000")), ("msg", .string("Success")), ("trade_no", .string(trade.tradeNo)),
            ("buyer_user_id", .string(trade.buyerUserID)), ("buyer_logon_id", .string(trade.buyerLogonID)),
            ("seller_id", .string(trade.sellerID)), ("trade_status", .string(status(trade, shape))),
            ("total_amount", money(trade.totalFen, shape)), ("biz_entity_id", .string(trade.bizEntityID)),
            ("biz_type", .string(trade.bizType)),
            ("gmt_payment", .string(ShanghaiTime.format(unixSeconds: trade.paidAt))),
            ("fund_bill_list", list(funds, singular: "fund_bill_list_eco", shape)),
            ("assoc_bill_details", list(bills, singular: "trade_assoc_bill_details", shape)),
        ]).written(shape)
    }

    static func failure(_ error: GatewayError, _ shape: AnswerShape) -> String {
        AnswerText.object([
            ("code", .string(error.code)), ("msg", .string(error.message)), ("sub_code", .string(error.subCode)),
            ("sub_msg", .string(error.subMessage)),
        ]).written(shape)
    }

    private static func money(_ fen: Int64, _ shape: AnswerShape) -> AnswerText {
        switch shape.money {
        case .text: .string(yuan(fen))
        case .number: .literal(yuan(fen))
        }
    }

    private static func status(_ trade: Trade, _ shape: AnswerShape) -> String {
        shape.misspelsStatus && trade.status == .success ? "TRADE_SUCCES" : trade.status.rawValue
    }

    private static func list(_ entries: [AnswerText], singular: String, _ shape: AnswerShape) -> AnswerText {
        switch shape.lists {
        case .array: .array(entries)
        case .singleObject: entries.first ?? .object([])
        case .wrapper: .object([(singular, .array(entries))])
        case .text: .string(AnswerText.array(entries).written(.plain))
        }
    }
}
