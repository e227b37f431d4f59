import Alipay
import Wire

extension Trade {
    /// Reads a trade from one line of JSON, in the words of the gateway's answer.
    ///
    /// Only `trade_no` and `total_amount` (yuan, `"10.21"`) are needed. The rest has the defaults of an invented household:
    /// `trade_status`, `query_token`, `seller_id`, `buyer_user_id`, `buyer_logon_id`, `room_id`, `community_id`,
    /// `household_id`, `biz_type`, `gmt_payment`, `app_auth_token`, `bills` (objects with `id`, `period`, `cost_type`,
    /// `amount`; one bill of the total when absent).
    public init(line: String, merchants: [Merchant] = Merchant.invented) throws(SandboxError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: Array(line.utf8)) } catch {
            throw SandboxError(.badTrade, "is not a JSON object: \(error)")
        }
        guard let tradeNo = json["trade_no"]?.text, (1...64).contains(tradeNo.utf8.count) else {
            throw SandboxError(.badTrade, "lacks trade_no, of 1 to 64 characters")
        }
        guard let total = json["total_amount"]?.text.flatMap({ Amount(yuan: $0) }) else {
            throw SandboxError(.badTrade, "lacks total_amount in yuan, such as \"10.21\"")
        }
        guard let status = Status(rawValue: json["trade_status"]?.text ?? Status.success.rawValue) else {
            throw SandboxError(.badTrade, "has a trade_status that does not exist")
        }
        let seller = json["seller_id"]?.text
        let merchant = seller.map { id in merchants.first { $0.sellerID == id } } ?? merchants.first
        var paidAt = WallClock.seconds() - 60
        if let text = json["gmt_payment"]?.text {
            guard let time = ShanghaiTime.parse(text) else {
                throw SandboxError(.badTrade, "has a gmt_payment that is not yyyy-MM-dd HH:mm:ss")
            }
            paidAt = time
        }
        self.init(
            tradeNo: tradeNo, queryToken: json["query_token"]?.text, status: status,
            sellerID: seller ?? merchant?.sellerID ?? "2088000000000002",
            buyerUserID: json["buyer_user_id"]?.text ?? "2088000000000999",
            buyerLogonID: json["buyer_logon_id"]?.text ?? "159****5620", totalFen: total.fen,
            roomID: json["room_id"]?.text ?? "R1000000000000000000001",
            communityID: json["community_id"]?.text ?? merchant?.communities.first ?? "C100000000001",
            householdID: json["household_id"]?.text ?? "1号楼-101室", bizType: json["biz_type"]?.text ?? "00",
            paidAt: paidAt, bills: try Self.bills(json["bills"], tradeNo: tradeNo, total: total.fen),
            funds: [Fund(channel: "ALIPAYACCOUNT", fen: total.fen)],
            appAuthToken: json["app_auth_token"]?.text ?? merchant?.appAuthToken)
    }

    private static func bills(_ value: JSONValue?, tradeNo: String, total: Int64) throws(SandboxError) -> [Bill] {
        guard case .array(let elements) = value else {
            return [Bill(id: "WY" + tradeNo.suffix(16), period: "2026年11月", costType: "物业费", fen: total)]
        }
        var bills: [Bill] = []
        for element in elements {
            guard let id = element["id"]?.text, let amount = element["amount"]?.text.flatMap({ Amount(yuan: $0) })
            else {
                throw SandboxError(.badTrade, "has a bill without id or amount")
            }
            bills.append(
                Bill(
                    id: id, period: element["period"]?.text ?? "2026年11月",
                    costType: element["cost_type"]?.text ?? "物业费", fen: amount.fen))
        }
        return bills
    }
}
