/// What the platform knows at one moment: every trade, and what it was asked about each. A value, so that checks can keep it.
public struct Truth: Sendable, Codable {
    /// One question that reached the gateway and named a trade that exists.
    public struct Question: Sendable, Hashable, Codable {
        /// Unix time in microseconds.
        public var askedAt: Int64
        /// `10000`, a `sub_code`, or the name of the fault that was played instead.
        public var answer: String

        public init(askedAt: Int64, answer: String) {
            self.askedAt = askedAt
            self.answer = answer
        }
    }

    public var trades: [String: Trade]
    public var questions: [String: [Question]]
    /// Calls that never came to a trade: wrong signature, unknown method, unknown trade. Counted by `sub_code`.
    public var refusals: [String: Int]

    public init(trades: [Trade] = [], questions: [String: [Question]] = [:], refusals: [String: Int] = [:]) {
        self.trades = Dictionary(trades.map { ($0.tradeNo, $0) }, uniquingKeysWith: { _, last in last })
        self.questions = questions
        self.refusals = refusals
    }

    public func trade(_ tradeNo: String) -> Trade? { trades[tradeNo] }

    /// How often the gateway was asked for the trade.
    public func timesAsked(_ tradeNo: String) -> Int { questions[tradeNo]?.count ?? 0 }

    /// All questions about all trades.
    public var totalQuestions: Int { questions.values.reduce(0) { $0 + $1.count } }
}
