import Alipay
import Wire

/// Writes a scenario, story by story, until there are enough notifications; then deals them out in a mixed order.
struct Playwright {
    private let settings: Scenario.Settings
    private var generator: SeededGenerator
    private var invention: TradeInvention
    private(set) var trades: [StagedTrade] = []
    private(set) var deliveries: [Delivery] = []
    private(set) var expectations: [String: TradeExpectation] = [:]
    private var forgeriesPlayed = 0
    /// The one being written now.
    private var story = Story.plain

    init(_ settings: Scenario.Settings) {
        self.settings = settings
        generator = SeededGenerator(seed: settings.seed)
        invention = TradeInvention(settings)
    }

    /// Each story once before chance decides, so that a small scenario has them all.
    mutating func write() {
        let weighted = Story.allCases.compactMap { story in settings.mix.weights[story].map { (story, $0) } }
            .filter { $0.1 > 0 }
        let total = weighted.reduce(0) { $0 + $1.1 }
        guard total > 0 else { return }
        var opening = weighted.map(\.0)[...]
        while deliveries.count < settings.notifications {
            play(opening.popFirst() ?? draw(weighted, total))
        }
        deliveries.removeLast(deliveries.count - settings.notifications)
        deliveries.shuffle(using: &generator)
        for index in deliveries.indices { deliveries[index].id = index + 1 }
        forgetUnannounced()
    }

    private mutating func draw(_ weighted: [(Story, Int)], _ total: Int) -> Story {
        var rest = Int(generator.next() % UInt64(total))
        for (story, weight) in weighted {
            if rest < weight { return story }
            rest -= weight
        }
        return weighted[0].0
    }

    /// The last story may have been cut short to keep the count; what it lost is expected no longer.
    private mutating func forgetUnannounced() {
        let genuine = Dictionary(grouping: deliveries.filter(\.isGenuine)) { $0.tradeNo ?? "" }
        let tokens = Set(deliveries.filter(\.isGenuine).compactMap(\.queryToken))
        for staged in trades {
            let tradeNo = staged.trade.tradeNo
            let byToken = staged.trade.queryToken.map(tokens.contains) ?? false
            let announced = genuine[tradeNo]?.count ?? 0
            if announced == 0 && !byToken { expectations[tradeNo] = .untouched }
            if case .settled(let jobs) = expectations[tradeNo], jobs > 0, announced < 2 {
                expectations[tradeNo] = .settled()
            }
        }
    }

    private mutating func play(_ story: Story) {
        self.story = story
        switch story {
        case .plain: announce(paid())
        case .tradeFormat: announceInTradeFormat(paid())
        case .tokenOnly: announceByToken(paid(withToken: true))
        case .tokenAndTradeNo:
            let trade = paid(withToken: true)
            announceByToken(trade)
            announce(trade)
        case .gbk:
            let trade = paid()
            if generator.chance(0.5) {
                announce(trade) { $0.inGBK() }
            } else {
                announceInTradeFormat(trade) { $0.inGBK(label: "gb2312") }
            }
        case .unknownParameters:
            announce(paid()) { message in
                var message = message
                message["out_community_id"] = "WY-0001"
                message["voucher_detail_list"] = #"[{"amount":"0.00","name":"满减券"}]"#
                message["Z_future"] = "a&b=c %+"
                return message
            }
        case .exactDuplicate: announce(paid(), times: 2)
        case .laterDuplicate:
            let trade = paid()
            announce(trade)
            announce(trade, notifiedAfter: 240)
        case .forged: forge()
        case .lateAnswer: announce(paid(faults: [PlannedFault(.late(settings.mix.lateness))]))
        case .failingFirst: announce(paid(faults: passingFaults()))
        case .closed: announce(stage(.nothingDue, status: .closed) { _ in })
        case .foreignReceiver:
            let foreign = settings.foreignMerchant
            announce(
                stage(.quarantined(causes: ["foreign_receiver", "merchant_unknown"]), merchant: foreign) { _ in }
            )
        case .belongsToOthers:
            let foreign = settings.foreignMerchant.appAuthToken
            let causes: Set = ["belongs_to_others", "PAY_INFO_BELONGING_TO_OTHERS"]
            announce(stage(.quarantined(causes: causes)) { $0.appAuthToken = foreign })
        case .amountConflict:
            let trade = stage(.settled(quarantinedJobs: 1)) { _ in }
            announce(trade)
            announce(trade) { message in
                var message = message
                message["total_amount"] = yuan(trade.totalFen + 100)
                return message
            }
        case .billsMismatch:
            announce(stage(.quarantined(causes: ["bills_mismatch"])) { $0.bills[0].fen += 1 })
        }
    }

    // MARK: - Trades

    private mutating func paid(withToken: Bool = false, faults: [PlannedFault] = []) -> Trade {
        stage(.settled(), withToken: withToken, faults: faults) { _ in }
    }

    private mutating func stage(
        _ expectation: TradeExpectation, status: Trade.Status = .success, merchant: Merchant? = nil,
        withToken: Bool = false,
        faults: [PlannedFault] = [], _ change: (inout Trade) -> Void
    ) -> Trade {
        var trade = invention.trade(status, merchant: merchant, withToken: withToken)
        change(&trade)
        let entries = max(trade.bills.count, trade.funds.count)
        let shape = settings.mix.variesShapes ? AnswerShape.drawn(holding: entries, &generator) : .plain
        trades.append(StagedTrade(trade, shape: shape, faults: faults))
        expectations[trade.tradeNo] = expectation
        return trade
    }

    private mutating func passingFaults() -> [PlannedFault] {
        guard let fault = settings.mix.faults.randomElement(using: &generator) else { return [] }
        return [PlannedFault(fault, calls: Int.random(in: 1...max(1, settings.mix.faultCalls), using: &generator))]
    }

    // MARK: - Notifications

    private mutating func announce(
        _ trade: Trade, times: Int = 1, notifiedAfter delay: Int64 = 0,
        forgery: Forgery? = nil, _ change: (NotificationMessage) -> NotificationMessage = { $0 }
    ) {
        let message = NotificationText.cplife(trade, path: settings.requestPath, notifiedAt: trade.paidAt + 2 + delay)
        let delivery = Delivery(
            id: 0, source: settings.cplifeSource, story: story, message: change(message), forgery: forgery,
            tradeNo: trade.tradeNo)
        deliveries += Array(repeating: delivery, count: times)
    }

    private mutating func announceInTradeFormat(
        _ trade: Trade, forgery: Forgery? = nil,
        _ change: (NotificationMessage) -> NotificationMessage = { $0 }
    ) {
        let message = NotificationText.trade(
            trade, appID: settings.appID, notifyID: generator.digits(32), notifiedAt: trade.paidAt + 2)
        deliveries.append(
            Delivery(
                id: 0, source: settings.tradeSource, story: story, message: change(message), forgery: forgery,
                tradeNo: trade.tradeNo))
    }

    private mutating func announceByToken(_ trade: Trade) {
        guard let token = trade.queryToken else { return }
        let message = NotificationText.tokenOnly(
            trade, token: token, path: settings.requestPath, notifiedAt: trade.paidAt + 2)
        deliveries.append(
            Delivery(
                id: 0, source: settings.cplifeSource, story: story, message: message, queryToken: token))
    }

    /// The bait is a trade that was paid and that no true notification names: whoever believes the lie settles it, or asks.
    private mutating func forge() {
        guard !settings.mix.forgeries.isEmpty else { return announce(paid()) }
        let forgery = settings.mix.forgeries[forgeriesPlayed % settings.mix.forgeries.count]
        forgeriesPlayed += 1
        let bait = stage(.untouched) { _ in }
        if generator.chance(0.7) {
            announce(bait, forgery: forgery)
        } else {
            announceInTradeFormat(bait, forgery: forgery)
        }
    }
}
