import Alipay
import Wire

/// Invents trades that look like life: numbers, households, bills and funds. Nobody in them exists.
struct TradeInvention {
    private let settings: Scenario.Settings
    private var generator: SeededGenerator
    private var count = 0
    private let date: String

    init(_ settings: Scenario.Settings) {
        self.settings = settings
        generator = SeededGenerator(seed: settings.seed, for: "trades")
        date = String(ShanghaiTime.format(unixSeconds: settings.startsAt).prefix(10).filter { $0 != "-" })
    }

    /// A trade of one of the merchants, or of the given one.
    mutating func trade(_ status: Trade.Status, merchant given: Merchant?, withToken: Bool) -> Trade {
        count += 1
        let merchant = given ?? settings.merchants.randomElement(using: &generator) ?? settings.foreignMerchant
        let bizType = withToken ? ["CJ", "YC"][count % 2] : ["00", "00", "CJ"][count % 3]
        let bills = bills(bizType)
        let total = bills.reduce(0) { $0 + $1.fen }
        return Trade(
            tradeNo: date + "2200" + padded(Int(settings.seed % 1_000_000), 6) + padded(count, 10),
            queryToken: withToken ? token() : nil, status: status, sellerID: merchant.sellerID,
            buyerUserID: "2088" + generator.digits(12),
            buyerLogonID: "1" + generator.digits(2) + "****" + generator.digits(4), totalFen: total,
            roomID: "R1" + padded(count, 21),
            communityID: merchant.communities.randomElement(using: &generator) ?? "C100000000001",
            householdID: "\(Int.random(in: 1...9, using: &generator))号楼-\(generator.digits(3))室", bizType: bizType,
            paidAt: settings.startsAt - Int64.random(in: 5...600, using: &generator), bills: bills, funds: funds(total),
            appAuthToken: merchant.appAuthToken)
    }

    private mutating func bills(_ bizType: String) -> [Trade.Bill] {
        let number = generator.chance(0.7) ? 1 : Int.random(in: 1...max(1, settings.mix.bills), using: &generator)
        let account = "YC" + generator.digits(10)
        return (1...number).map { line in
            Trade.Bill(
                // In mode YC the account number stands where the bill's id would, so it comes again in every line.
                id: bizType == "YC" ? account : "WY" + date + padded(count, 8) + padded(line, 3),
                period: "2026年\(Int.random(in: 1...12, using: &generator))月",
                costType: ["物业费", "水费", "停车费", "公摊电费"].randomElement(using: &generator) ?? "物业费",
                fen: Int64.random(in: 1...500_000, using: &generator))
        }
    }

    private mutating func funds(_ total: Int64) -> [Trade.Fund] {
        guard total > 1, generator.chance(0.25) else { return [Trade.Fund(channel: "ALIPAYACCOUNT", fen: total)] }
        let points = Int64.random(in: 1..<total, using: &generator)
        return [Trade.Fund(channel: "PCREDIT", fen: total - points), Trade.Fund(channel: "POINT", fen: points)]
    }

    /// 44 characters of Base64, with the `+`, `/` and `=` that real ones have.
    private mutating func token() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return String((0..<41).map { _ in alphabet[Int(generator.next() % 64)] }) + "+/="
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
