/// The three accounts, arranged so that each question of the witness is one look-up.
struct Evidence {
    /// By what a notification or a job names its trade; a token and a trade number never mean each other here.
    enum Name: Hashable, CustomStringConvertible {
        case trade(String)
        case token(String)

        var description: String {
            switch self {
            case .trade(let number): number
            case .token(let token): "token \(token)"
            }
        }
    }

    let settlements: [String: [SettledTrade]]
    let acknowledgedNames: Set<Name>
    let jobNames: Set<Name>
    private let jobs: [Name: [JobAccount]]

    init(truth: Truth, journal: [DeliveryJournal.Entry], account: ReceiverAccount) {
        settlements = Dictionary(grouping: account.settlements, by: \.tradeNo)
        acknowledgedNames = Set(
            journal.filter { $0.isAcknowledged && $0.isGenuine }.compactMap { Self.name($0.tradeNo, $0.queryToken) })
        var jobs: [Name: [JobAccount]] = [:]
        for job in account.jobs {
            if let tradeNo = job.tradeNo { jobs[.trade(tradeNo), default: []].append(job) }
            if let token = job.queryToken { jobs[.token(token), default: []].append(job) }
        }
        self.jobs = jobs
        jobNames = Set(jobs.keys)
    }

    private static func name(_ tradeNo: String?, _ token: String?) -> Name? {
        tradeNo.map(Name.trade) ?? token.map(Name.token)
    }

    func settlements(of tradeNo: String, _ kind: SettledTrade.Kind) -> [SettledTrade] {
        settlements[tradeNo]?.filter { $0.kind == kind } ?? []
    }

    func wasAcknowledged(_ trade: Trade) -> Bool {
        acknowledgedNames.contains(.trade(trade.tradeNo))
            || trade.queryToken.map { acknowledgedNames.contains(.token($0)) } ?? false
    }

    /// Each job once, also when it names the trade both ways.
    func jobs(of trade: Trade) -> [JobAccount] {
        let byNumber = jobs[.trade(trade.tradeNo)] ?? []
        let byToken = trade.queryToken.flatMap { jobs[.token($0)] } ?? []
        return byNumber + byToken.filter { $0.tradeNo != trade.tradeNo }
    }
}
