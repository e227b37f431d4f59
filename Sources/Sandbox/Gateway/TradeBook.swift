import Synchronization

/// A trade together with the way in which the gateway will speak of it.
public struct StagedTrade: Sendable {
    public var trade: Trade
    public var shape: AnswerShape
    /// Played in order: each for so many calls, then the truth.
    public var faults: [PlannedFault]

    public init(_ trade: Trade, shape: AnswerShape = .plain, faults: [PlannedFault] = []) {
        self.trade = trade
        self.shape = shape
        self.faults = faults
    }
}

/// The platform's own memory of trades and of what was asked. Safe to use from everywhere; everything leaves it as a value.
public final class TradeBook: Sendable {
    private struct State {
        var staged: [String: StagedTrade] = [:]
        var tokens: [String: String] = [:]
        var questions: [String: [Truth.Question]] = [:]
        var refusals: [String: Int] = [:]
    }

    private let state = Mutex(State())

    public init(_ trades: [StagedTrade] = []) { add(trades) }

    /// Adds trades; one with the same number takes the place of the earlier one.
    public func add(_ trades: [StagedTrade]) {
        state.withLock { state in
            for staged in trades {
                state.staged[staged.trade.tradeNo] = staged
                if let token = staged.trade.queryToken { state.tokens[token] = staged.trade.tradeNo }
            }
        }
    }

    /// Moves a trade to another status, e.g. closed after a full refund. Unknown trades are left alone: false.
    @discardableResult
    public func move(_ tradeNo: String, to status: Trade.Status) -> Bool {
        state.withLock { $0.staged[tradeNo]?.trade.move(to: status) != nil }
    }

    public var truth: Truth {
        state.withLock { state in
            Truth(trades: state.staged.values.map(\.trade), questions: state.questions, refusals: state.refusals)
        }
    }

    var staged: [StagedTrade] { state.withLock { Array($0.staged.values) } }

    /// The trade of a number or, failing that, of a token.
    func find(tradeNo: String?, queryToken: String?) -> StagedTrade? {
        state.withLock { state in
            (tradeNo ?? queryToken.flatMap { state.tokens[$0] }).flatMap { state.staged[$0] }
        }
    }

    /// Any other trade than the given one, for an answer that speaks of the wrong trade.
    func another(than tradeNo: String) -> StagedTrade? {
        state.withLock { $0.staged.values.first { $0.trade.tradeNo != tradeNo } }
    }

    /// Notes one question. The caller decides, from how many came before it, what the answer is and how it is called;
    /// both happen in one step, so that two calls at once are never both the first.
    func note<Answer: Sendable>(
        about tradeNo: String, at askedAt: Int64, _ decide: (_ earlier: Int) -> (answer: Answer, name: String)
    ) -> Answer {
        state.withLock { state in
            let decision = decide(state.questions[tradeNo]?.count ?? 0)
            state.questions[tradeNo, default: []].append(Truth.Question(askedAt: askedAt, answer: decision.name))
            return decision.answer
        }
    }

    func noteRefusal(_ subCode: String) {
        state.withLock { $0.refusals[subCode, default: 0] += 1 }
    }
}
