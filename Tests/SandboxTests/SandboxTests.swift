import Alipay
import Sandbox

/// Key pairs made once for all tests of this process: making them takes longer than using them.
enum TestKeys {
    private static let made = Result { try SandboxKeys.generate() }

    static func keys() throws -> SandboxKeys { try made.get() }
}

/// A trade with three bills and two funds, all texts of which have something to escape.
func someTrade(_ number: Int = 1, token: String? = nil, change: (inout Trade) -> Void = { _ in }) -> Trade {
    var trade = Trade(
        tradeNo: "202611212200\(10_000_000 + number)", queryToken: token, sellerID: "2088000000000002",
        buyerUserID: "2088100000000001", buyerLogonID: "159****5620", totalFen: 12_345, roomID: "R1",
        communityID: "C100000000001", householdID: "3/2-1101室", paidAt: 1_795_190_400,
        bills: [
            Trade.Bill(id: "WY1", period: "2026年7月", costType: "物业费", fen: 10_000),
            Trade.Bill(id: "WY2", period: "2026年8月", costType: "水费", fen: 2_000),
            Trade.Bill(id: "WY3", period: "2026年8月", costType: "\"电\"费", fen: 345),
        ],
        funds: [Trade.Fund(channel: "ALIPAYACCOUNT", fen: 12_000), Trade.Fund(channel: "POINT", fen: 345)],
        appAuthToken: "token-of-2")
    change(&trade)
    return trade
}
