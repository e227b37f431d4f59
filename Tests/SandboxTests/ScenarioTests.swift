import Alipay
import Testing
import Wire

@testable import Sandbox

@Suite("Scenarios")
struct ScenarioTests {
    private func settings(seed: UInt64 = 7, notifications: Int = 600) -> Scenario.Settings {
        Scenario.Settings(seed: seed, notifications: notifications, startsAt: 1_795_190_400)
    }

    @Test("The same seed plans the same play, another seed another one")
    func determinism() throws {
        func plan(_ seed: UInt64) throws -> [String] {
            let scenario = Scenario(settings(seed: seed))
            let keys = try TestKeys.keys()
            return try scenario.deliveries.map { String(decoding: try $0.sealed(with: keys).body, as: UTF8.self) }
                + scenario.trades.map { "\($0.trade) \($0.shape) \($0.faults)" }
        }
        #expect(try plan(7) == plan(7))
        #expect(try plan(7) != plan(8))
    }

    @Test(
        "It has as many notifications as asked for, numbered in the order of sending", arguments: [0, 1, 2, 25, 2000])
    func size(count: Int) {
        let scenario = Scenario(settings(notifications: count))
        #expect(scenario.deliveries.map(\.id) == (0..<count).map { $0 + 1 })
        #expect(Set(scenario.trades.map(\.trade.tradeNo)).count == scenario.trades.count)
        #expect(scenario.expectations.count == scenario.trades.count)
    }

    @Test("Every story is played, and every kind of lie")
    func variety() {
        let scenario = Scenario(settings())
        #expect(Set(scenario.deliveries.map(\.story)) == Set(Story.allCases))
        #expect(Set(scenario.deliveries.compactMap(\.forgery)) == Set(Forgery.allCases))
        let signs = Set(scenario.trades.map(\.shape.lists))
        #expect(signs == Set(AnswerShape.Lists.allCases))
    }

    @Test("Genuine notifications verify as the receiver would verify them, forged ones do not")
    func signatures() throws {
        let keys = try TestKeys.keys()
        let verifiers = [
            "cplife": NotificationVerifier(profile: .cplife, keys: [keys.alipay.publicKey]),
            "trade": NotificationVerifier(profile: .trade, keys: [keys.alipay.publicKey]),
        ]
        for delivery in Scenario(settings()).deliveries {
            let sealed = try delivery.sealed(with: keys)
            let verifier = try #require(verifiers[delivery.source])
            let notification = try? verifier.verify(body: sealed.body, contentType: sealed.contentType)
            #expect(
                (notification != nil) == delivery.isGenuine, "\(delivery.story) \(String(describing: delivery.forgery))"
            )
            if let notification {
                #expect(notification["trade_no"] == delivery.tradeNo)
                #expect(notification["query_token"] == delivery.queryToken)
            }
        }
    }

    @Test("An exact duplicate and one with a later notify_time are one notification to the receiver")
    func duplicates() throws {
        let keys = try TestKeys.keys()
        let verifier = NotificationVerifier(profile: .cplife, keys: [keys.alipay.publicKey])
        let scenario = Scenario(settings())
        for story in [Story.exactDuplicate, .laterDuplicate] {
            let pairs = Dictionary(grouping: scenario.deliveries.filter { $0.story == story }) { $0.tradeNo ?? "" }
            #expect(!pairs.isEmpty)
            for pair in pairs.values {
                let sealed = try pair.map { try $0.sealed(with: keys) }
                let digests = try sealed.map {
                    try verifier.verify(body: $0.body, contentType: $0.contentType).digest
                }
                #expect(Set(digests).count == 1)
                #expect(Set(sealed).count == (story == .exactDuplicate ? 1 : pair.count))
            }
        }
    }

    @Test("Trades add up, except those that must not")
    func sums() {
        let scenario = Scenario(settings())
        for staged in scenario.trades {
            let trade = staged.trade
            let bills = trade.bills.reduce(0) { $0 + $1.fen }
            let mismatched =
                scenario.expectations[trade.tradeNo] == .quarantined(causes: ["bills_mismatch"])
            #expect((bills == trade.totalFen) != mismatched)
            #expect(trade.funds.reduce(0) { $0 + $1.fen } == trade.totalFen)
        }
    }

    @Test("Trades that must be settled are announced, those that must stay untouched are not")
    func expectations() {
        let scenario = Scenario(settings(notifications: 150))
        let announced = Set(scenario.deliveries.filter(\.isGenuine).compactMap(\.tradeNo))
        let tokens = Set(scenario.deliveries.filter(\.isGenuine).compactMap(\.queryToken))
        for staged in scenario.trades {
            let isAnnounced =
                announced.contains(staged.trade.tradeNo) || staged.trade.queryToken.map(tokens.contains) ?? false
            #expect((scenario.expectations[staged.trade.tradeNo] != .untouched) == isAnnounced)
        }
        #expect(scenario.expectedSettlements > 100)
    }

    @Test("Faults pass: no job of the usual mix is struck for ever")
    func faultsPass() {
        for staged in Scenario(settings()).trades {
            #expect(staged.faults.reduce(0) { $0 + $1.calls } <= ScenarioMix().faultCalls)
        }
    }
}
