import Sandbox
import Testing
import Wire

@Suite("The witness")
struct WitnessTests {
    /// A scenario, what an ideal sender saw of it, and what an ideal receiver says.
    private struct Play {
        var scenario: Scenario
        var journal: [DeliveryJournal.Entry]
        var account: ReceiverAccount
        var questions: [String: [Truth.Question]] = [:]

        init() {
            scenario = Scenario(.init(seed: 3, notifications: 300, startsAt: 1_795_190_400))
            journal = scenario.deliveries.map { delivery in
                DeliveryJournal.Entry(
                    delivery: delivery.id, source: delivery.source, story: delivery.story, forgery: delivery.forgery,
                    tradeNo: delivery.tradeNo, queryToken: delivery.queryToken, status: delivery.isGenuine ? 200 : 401,
                    isAcknowledged: delivery.isGenuine)
            }
            account = ReceiverAccount()
            let trades = Dictionary(uniqueKeysWithValues: scenario.trades.map { ($0.trade.tradeNo, $0.trade) })
            let byToken = Dictionary(
                uniqueKeysWithValues: scenario.trades.compactMap { staged in
                    staged.trade.queryToken.map { ($0, staged.trade) }
                })
            var conflicts: Set<String> = []
            for delivery in scenario.deliveries where delivery.isGenuine {
                guard
                    let trade = delivery.tradeNo.flatMap({ trades[$0] }) ?? delivery.queryToken.flatMap({ byToken[$0] })
                else { continue }
                var job = JobAccount(
                    tradeNo: delivery.tradeNo, queryToken: delivery.queryToken, outcome: "settled")
                switch scenario.expectations[trade.tradeNo] {
                case .settled(let quarantined):
                    let isSettled = account.settlements.contains { $0.tradeNo == trade.tradeNo }
                    if isSettled {
                        job.outcome = "already_settled"
                    } else {
                        account.settlements.append(Self.settled(trade))
                    }
                    if quarantined > 0, conflicts.insert(trade.tradeNo).inserted == false {
                        job.outcome = "quarantined"
                        job.cause = "amount_conflict"
                    }
                case .nothingDue: job.outcome = "nothing_due"
                case .quarantined(let causes):
                    job.outcome = "quarantined"
                    job.cause = causes.sorted().first
                case .untouched, nil: continue
                }
                account.jobs.append(job)
            }
        }

        static func settled(_ trade: Trade) -> SettledTrade {
            SettledTrade(
                tradeNo: trade.tradeNo, totalFen: trade.totalFen, sellerID: trade.sellerID, paidAt: trade.paidAt,
                bills: trade.bills.reversed(), funds: trade.funds)
        }

        func trade(_ expectation: (TradeExpectation) -> Bool, where condition: (Trade) -> Bool = { _ in true })
            -> Trade?
        {
            scenario.trades.map(\.trade).first { trade in
                condition(trade) && scenario.expectations[trade.tradeNo].map(expectation) ?? false
            }
        }

        var verdict: Witness.Verdict {
            let truth = Truth(trades: scenario.trades.map(\.trade), questions: questions)
            return Witness(truth: truth, journal: journal, expectations: scenario.expectations).examine(account)
        }
    }

    @Test("An ideal receiver has nothing found against it")
    func ideal() {
        let play = Play()
        let verdict = play.verdict
        #expect(verdict.findings == [])
        #expect(verdict.holds)
        #expect(verdict.due == play.scenario.expectedSettlements)
        #expect(verdict.settledOnce == verdict.due)
    }

    /// One error each, put into an ideal account, and the promise that it breaks.
    private static let mutations: [(String, Finding.Invariant, @Sendable (inout Play) throws -> Void)] = [
        (
            "a job is lost", .noLostAcknowledgement,
            { play in
                let index = try #require(play.account.jobs.firstIndex { $0.outcome == "nothing_due" })
                play.account.jobs.remove(at: index)
            }
        ),
        (
            "the job of a token is lost", .noLostAcknowledgement,
            { play in
                let index = try #require(play.account.jobs.firstIndex { $0.queryToken != nil })
                play.account.jobs.remove(at: index)
            }
        ),
        ("a job never ended", .noLimbo, { $0.account.jobs[0].outcome = "pending" }),
        ("a settlement stands twice", .noDouble, { $0.account.settlements.append($0.account.settlements[0]) }),
        (
            "a settlement is doubled with another amount", .noDouble,
            { play in
                var again = play.account.settlements[0]
                again.totalFen *= 2
                play.account.settlements.append(again)
            }
        ),
        ("an amount is doubled", .nothingInvented, { $0.account.settlements[0].totalFen *= 2 }),
        ("an amount is one fen off", .nothingInvented, { $0.account.settlements[5].totalFen -= 1 }),
        ("a bill is missing", .nothingInvented, { $0.account.settlements[0].bills.removeLast() }),
        (
            "a bill stands twice", .nothingInvented,
            { play in
                play.account.settlements[0].bills.append(play.account.settlements[0].bills[0])
            }
        ),
        (
            "a bill's amount moved to another bill", .nothingInvented,
            { play in
                let index = try #require(play.account.settlements.firstIndex { $0.bills.count > 1 })
                play.account.settlements[index].bills[0].fen += 1
                play.account.settlements[index].bills[1].fen -= 1
            }
        ),
        ("the funds are another trade's", .nothingInvented, { $0.account.settlements[0].funds = [] }),
        ("the seller is another", .nothingInvented, { $0.account.settlements[0].sellerID = "2088000000000009" }),
        ("the time of payment is another", .nothingInvented, { $0.account.settlements[0].paidAt = 1 }),
        (
            "a trade was invented", .nothingInvented,
            { play in
                var invented = play.account.settlements[0]
                invented.tradeNo = "2026000000000000000000000000"
                play.account.settlements.append(invented)
            }
        ),
        (
            "a closed trade was settled", .nothingInvented,
            { play in
                let closed = try #require(play.trade({ $0 == .nothingDue }))
                play.account.settlements.append(Play.settled(closed))
            }
        ),
        (
            "a paid trade was reversed", .nothingInvented,
            { play in
                var reversal = play.account.settlements[0]
                reversal.kind = .reversal
                reversal.totalFen = -reversal.totalFen
                play.account.settlements.append(reversal)
            }
        ),
        (
            "a forged notification was acknowledged", .noWrongAcknowledgement,
            { play in
                let index = try #require(play.journal.firstIndex { !$0.isGenuine })
                play.journal[index].isAcknowledged = true
            }
        ),
        ("a settlement is missing", .complete, { $0.account.settlements.removeLast() }),
        (
            "a bait was settled", .asExpected,
            { play in
                let bait = try #require(play.trade({ $0 == .untouched }))
                play.account.settlements.append(Play.settled(bait))
            }
        ),
        (
            "a bait was asked about", .asExpected,
            { play in
                let bait = try #require(play.trade({ $0 == .untouched }))
                play.questions[bait.tradeNo] = [Truth.Question(askedAt: 0, answer: "10000")]
            }
        ),
        (
            "a foreign payment was settled", .asExpected,
            { play in
                let foreign = try #require(
                    play.trade({ $0 == .quarantined(causes: ["foreign_receiver", "merchant_unknown"]) }))
                play.account.settlements.append(Play.settled(foreign))
            }
        ),
        (
            "a quarantined job has another cause", .asExpected,
            { play in
                let index = try #require(play.account.jobs.firstIndex { $0.cause == "bills_mismatch" })
                play.account.jobs[index].cause = "merchant_unknown"
            }
        ),
        (
            "a conflict of amounts went unnoticed", .asExpected,
            { play in
                for index in play.account.jobs.indices where play.account.jobs[index].cause == "amount_conflict" {
                    play.account.jobs[index].outcome = "already_settled"
                }
            }
        ),
        (
            "a good notification is in quarantine", .asExpected,
            { play in
                let trade = try #require(play.trade({ $0 == .settled() }, where: { $0.queryToken == nil }))
                play.account.jobs.append(
                    JobAccount(tradeNo: trade.tradeNo, outcome: "quarantined", cause: "bills_mismatch"))
            }
        ),
    ]

    @Test("Every seeded error is found under the promise that it breaks", arguments: mutations.indices)
    func mutated(index: Int) throws {
        let (what, invariant, mutate) = Self.mutations[index]
        var play = Play()
        try mutate(&play)
        let verdict = play.verdict
        #expect(verdict.findings.contains { $0.invariant == invariant }, "\(what): \(verdict.findings)")
        #expect(!verdict.holds, "\(what)")
    }

    @Test("A refund that closed a paid trade may be reversed, once and in full")
    func reversal() {
        var trade = someTrade()
        let payment = Play.settled(trade)
        trade.move(to: .closed)
        var reversal = payment
        reversal.kind = .reversal
        reversal.totalFen = -trade.totalFen
        reversal.bills = trade.bills.map {
            Trade.Bill(id: $0.id, period: $0.period, costType: $0.costType, fen: -$0.fen)
        }
        reversal.funds = trade.funds.map { Trade.Fund(channel: $0.channel, fen: -$0.fen) }
        let witness = Witness(truth: Truth(trades: [trade]), journal: [])
        #expect(witness.examine(ReceiverAccount(settlements: [payment, reversal])).findings == [])
        reversal.totalFen += 1
        #expect(witness.examine(ReceiverAccount(settlements: [payment, reversal])).findings.count == 1)
    }

    @Test("What was never acknowledged need not be settled")
    func unacknowledged() {
        var play = Play()
        for index in play.journal.indices { play.journal[index].isAcknowledged = false }
        play.account = ReceiverAccount()
        #expect(play.verdict.findings == [])
        #expect(play.verdict.due == 0)
    }
}
