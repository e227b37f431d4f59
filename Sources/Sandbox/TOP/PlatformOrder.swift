/// A withholding order as TOP's platform knows it: a story in steps, each told for so many questions, the last one for ever.
public struct PlatformOrder: Sendable, Hashable {
    public struct Instalment: Sendable, Hashable {
        public var planID: String
        public var status: String
        public var fen: Int64
        public var alipayTradeNo: String?
        /// Unix seconds.
        public var paidAt: Int64?
        public var errorCode: String?

        public init(
            planID: String, status: String, fen: Int64, alipayTradeNo: String? = nil, paidAt: Int64? = nil,
            errorCode: String? = nil
        ) {
            self.planID = planID
            self.status = status
            self.fen = fen
            self.alipayTradeNo = alipayTradeNo
            self.paidAt = paidAt
            self.errorCode = errorCode
        }
    }

    public struct Step: Sendable, Hashable {
        public var status: String
        public var totalFen: Int64
        public var instalments: [Instalment]
        /// For how many questions it lasts.
        public var questions: Int

        public init(_ status: String, totalFen: Int64, _ instalments: [Instalment], questions: Int = 1) {
            self.status = status
            self.totalFen = totalFen
            self.instalments = instalments
            self.questions = questions
        }
    }

    public var bizOrderID: String
    public var payBizCode: String
    public var steps: [Step]
    /// Played first, one for each question.
    public var faults: [TOPFault]

    public init(bizOrderID: String, payBizCode: String = "R1", steps: [Step], faults: [TOPFault] = []) {
        self.bizOrderID = bizOrderID
        self.payBizCode = payBizCode
        self.steps = steps
        self.faults = faults
    }

    /// The step that the question with this number (from 0) is answered with.
    func step(forQuestion question: Int) -> Step? {
        var rest = question
        for step in steps.dropLast() {
            if rest < step.questions { return step }
            rest -= step.questions
        }
        return steps.last
    }
}

/// What may become of an order.
public enum OrderStory: String, Sendable, CaseIterable {
    /// INIT, then one instalment after the other, then SUCCESSED.
    case paid
    /// INIT, then FAILED, and nothing was paid.
    case failed
    /// The first instalment is paid, then the order FAILED.
    case partly
    /// INIT for ever.
    case endless
    /// A paid instalment has another amount later.
    case changing
    /// At the end the instalments do not add up to the total.
    case mismatched
}

extension PlatformOrder {
    /// An order whose instalments are `amounts`, in fen.
    public init(
        _ bizOrderID: String, payBizCode: String = "R1", story: OrderStory, amounts: [Int64], paidAt: Int64,
        faults: [TOPFault] = []
    ) {
        let total = amounts.reduce(0, +)
        func instalments(paid: Int, otherwise: String = "INIT") -> [Instalment] {
            amounts.enumerated().map { index, fen in
                let plan = "\(payBizCode)_\(bizOrderID)_\(index + 1)"
                return index < paid
                    ? Instalment(
                        planID: plan, status: "SUCCESSED", fen: fen, alipayTradeNo: "2020\(bizOrderID)\(index + 1)",
                        paidAt: paidAt)
                    : Instalment(
                        planID: plan, status: otherwise, fen: fen,
                        errorCode: otherwise == "FAILED" ? "USER_BALANCE_NOT_ENOUGH" : nil)
            }
        }
        let beginning = Step("INIT", totalFen: total, [])
        let partial = amounts.indices.dropLast().map {
            Step("PARTIAL_SUCCESSED", totalFen: total, instalments(paid: $0 + 1))
        }
        let end = Step("SUCCESSED", totalFen: total, instalments(paid: amounts.count))
        let steps: [Step]
        switch story {
        case .paid: steps = [beginning] + partial + [end]
        case .failed: steps = [beginning, Step("FAILED", totalFen: total, instalments(paid: 0, otherwise: "FAILED"))]
        case .partly:
            steps =
                [beginning] + partial.prefix(1) + [
                    Step("FAILED", totalFen: total, instalments(paid: 1, otherwise: "FAILED"))
                ]
        case .endless: steps = [beginning]
        case .changing:
            var dearer = end
            dearer.totalFen += 1
            dearer.instalments[0].fen += 1
            steps = [beginning] + partial.prefix(1) + [dearer]
        case .mismatched: steps = [beginning, Step("SUCCESSED", totalFen: total + 1, instalments(paid: amounts.count))]
        }
        self.init(bizOrderID: bizOrderID, payBizCode: payBizCode, steps: steps, faults: faults)
    }
}
