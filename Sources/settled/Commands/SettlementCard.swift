import Alipay
import Postgres
import Settlement
import Wire

/// One settlement for people: what was paid for, line by line. Persons are masked.
struct SettlementCard {
    let text: String

    init(_ record: SettlementRecords.Record) throws {
        let json = try JSONValue(parsing: record.json)
        var facts = Table("SETTLEMENT \(record.id)", "")
        let entity = json["entity"]
        let rows: [(String, String?)] = [
            ("kind", record.kind), ("trade", record.tradeNo),
            ("order", json["biz_order_id"]?.text.map { "\(json["pay_biz_code"]?.text ?? "") \($0)" }),
            ("instalment", json["plan_id"]?.text), ("status", record.tradeStatus),
            ("total", Amount(fen: record.totalFen).yuan + " " + (json["currency"]?.text ?? "")),
            ("assurance", json["assurance"]?.text), ("app", json["app_id"]?.text),
            ("seller", record.sellerID.isEmpty ? nil : record.sellerID),
            ("mode", json["biz_type"]?.text), ("community", record.communityID), ("room", entity?["room_id"]?.text),
            ("household", entity?["household_id"]?.text.map(Mask.text)),
            ("buyer", json["buyer_user_id"]?.text.map(Mask.account)),
            ("buyer's login", json["buyer_logon_id"]?.text.map(Mask.login)),
            ("paid", record.paidAt?.local()), ("confirmed", record.confirmedAt.local()),
            ("original", json["original_id"]?.text), ("job", String(record.jobID)),
            ("feed number", record.seq.map { String($0) } ?? "none yet"),
        ]
        for (name, value) in rows { if let value { facts.add(name, value) } }

        var lines = Table([.init("BILL"), .init("PERIOD"), .init("COST"), .init("AMOUNT", .right)])
        for bill in Self.elements(json["bills"]) {
            lines.add(
                bill["bill_entry_id"]?.text, bill["acct_period"]?.text, bill["cost_type"]?.text, bill["amount"]?.text)
        }
        var funds = Table([.init("FUND CHANNEL"), .init("AMOUNT", .right)])
        for fund in Self.elements(json["funds"]) { funds.add(fund["fund_channel"]?.text, fund["amount"]?.text) }

        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        text = [facts, lines, funds].filter { !$0.isEmpty }.map { $0.text(style: style) }.joined(separator: "\n")
    }

    private static func elements(_ value: JSONValue?) -> [JSONValue] {
        guard case .array(let elements) = value else { return [] }
        return elements
    }
}
