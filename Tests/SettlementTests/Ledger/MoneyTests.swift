import Alipay
import Testing
import Wire

@testable import Settlement

@Suite struct MoneyTests {
    private static func money(
        fen: Int64 = 3, seller: String = "S",
        bills: [(String, String?, String?, Int64)] = [("B1", "p", "k", 1), ("B2", nil, nil, 2)],
        funds: [(String, Int64)] = [("A", 1), ("B", 2)]
    ) -> Money {
        TestAnswers.draft(
            PayResult(
                tradeNo: "T", sellerID: seller, tradeStatus: .success, totalAmount: Amount(fen: fen),
                funds: funds.map { PayResult.Fund(channel: $0.0, amount: Amount(fen: $0.1)) },
                bills: bills.map { PayResult.Bill(id: $0.0, period: $0.1, costType: $0.2, amount: Amount(fen: $0.3)) })
        ).money
    }

    @Test func `the order of lines does not matter, how many there are does`() {
        let usual = Self.money()
        #expect(usual.difference(to: Self.money(bills: [("B2", nil, nil, 2), ("B1", "p", "k", 1)])) == nil)
        #expect(usual.difference(to: Self.money(funds: [("B", 2), ("A", 1)])) == nil)
        // In pre-deposit mode an account number recurs: two equal lines are not one.
        let twice = Self.money(bills: [("B", nil, nil, 1), ("B", nil, nil, 1)])
        #expect(twice.difference(to: Self.money(bills: [("B", nil, nil, 1)])) == "bills")
    }

    @Test func `each field that moves money is compared and named`() {
        let usual = Self.money()
        #expect(usual.difference(to: usual) == nil)
        #expect(usual.difference(to: Self.money(fen: 4)) == "total_amount")
        #expect(usual.difference(to: Self.money(seller: "X")) == "seller_id")
        for bills: [(String, String?, String?, Int64)] in [
            [], [("B1", "p", "k", 1)], [("B1", "p", "k", 2), ("B2", nil, nil, 1)],
            [("B1", "q", "k", 1), ("B2", nil, nil, 2)],
            [("B1", "p", "x", 1), ("B2", nil, nil, 2)], [("BX", "p", "k", 1), ("B2", nil, nil, 2)],
        ] {
            #expect(usual.difference(to: Self.money(bills: bills)) == "bills")
        }
        #expect(usual.difference(to: Self.money(funds: [("A", 2), ("B", 1)])) == "funds")
        #expect(usual.difference(to: Self.money(funds: [])) == "funds")
    }
}
