import Alipay
import JobQueue
import Testing
import Wire

@testable import Settlement

/// What an answer means for a job: a table, because the decision has no effects.
@Suite struct ConfirmationTests {
    /// The decision in a word that a table can hold.
    private static func word(_ confirmation: Settlement.Confirmation) -> String {
        switch confirmation {
        case .settle(let draft): "settle \(draft.result.totalAmount.fen)"
        case .closed: "closed"
        case .finish(.quarantine(let failure)): "quarantine \(failure.cause)"
        case .finish(.retry(let failure, let after, _)): "retry \(failure.cause)\(after == nil ? "" : " soon")"
        case .finish(.snooze(_, let reason)): "snooze \(reason)"
        case .finish(.hold(let key, let cause, _, _)): "hold \(key) \(cause)"
        case .finish(.fail(let failure)): "fail \(failure.cause)"
        case .finish(.done(let outcome, _)): "done \(outcome)"
        case .finish(.cancel(let reason)): "cancel \(reason)"
        }
    }

    private static func decide(
        _ answer: PayResultAnswer, job: PayResultJob = TestAnswers.job(),
        policy: ConfirmationPolicy = ConfirmationPolicy(sellerID: TestHouse.sellerID), attempt: Int = 1,
        age: Duration = .seconds(1), jitter: Double = 0.5
    ) -> Settlement.Confirmation {
        Settlement.Confirmation(of: answer, for: job, policy: policy, attempt: attempt, age: age, jitter: jitter)
    }

    private static func decide(
        _ result: PayResult, job: PayResultJob = TestAnswers.job(),
        policy: ConfirmationPolicy = ConfirmationPolicy(sellerID: TestHouse.sellerID), age: Duration = .seconds(1)
    ) -> String {
        word(decide(.known(result, TestAnswers.evidence()), job: job, policy: policy, age: age))
    }

    // MARK: Signed answers

    @Test(arguments: [
        (TradeStatus.success, "settle 2050"), (.finished, "settle 2050"), (.closed, "closed"),
        (.waiting, "snooze pending"),
        (.unknown("TRADE_PAID"), "quarantine unknown_trade_status"), (.unknown(""), "quarantine unknown_trade_status"),
    ])
    func `the trade's status decides`(status: TradeStatus, expected: String) {
        #expect(Self.decide(TestAnswers.result(status: status)) == expected)
    }

    @Test func `a trade that stays unpaid for three days goes to a person`() {
        let waiting = TestAnswers.result(status: .waiting)
        #expect(Self.decide(waiting, age: .seconds(72 * 3600)) == "snooze pending")
        #expect(Self.decide(waiting, age: .seconds(72 * 3600 + 1)) == "quarantine still_unpaid")
    }

    @Test func `an answer without a trade number or a seller proves nothing`() {
        #expect(Self.decide(TestAnswers.result("")) == "quarantine bad_answer")
        #expect(Self.decide(TestAnswers.result(String(repeating: "9", count: 65))) == "quarantine bad_answer")
        #expect(Self.decide(TestAnswers.result(seller: nil)) == "quarantine bad_answer")
        #expect(Self.decide(TestAnswers.result(seller: "")) == "quarantine bad_answer")
    }

    @Test func `the answer names the merchant whose token asked`() {
        let other = TestAnswers.result(seller: "2088000000000777")
        #expect(Self.decide(other) == "quarantine seller_mismatch")
        // Also before a trade is called closed.
        #expect(
            Self.decide(TestAnswers.result(status: .closed, seller: "2088000000000777")) == "quarantine seller_mismatch"
        )
    }

    @Test func `without merchants nobody's seller is compared, whatever the notification said`() {
        let policy = ConfirmationPolicy()
        #expect(TestAnswers.job().sellerID == TestHouse.sellerID)
        #expect(Self.decide(TestAnswers.result(), policy: policy) == "settle 2050")
        #expect(Self.decide(TestAnswers.result(seller: "2088000000000777"), policy: policy) == "settle 2050")
        #expect(Self.decide(TestAnswers.result(seller: nil), policy: policy) == "quarantine bad_answer")
    }

    @Test func `another amount than the notification's is a conflict, no amount claimed is none`() {
        #expect(Self.decide(TestAnswers.result(), job: TestAnswers.job(fen: 2051)) == "quarantine amount_conflict")
        #expect(Self.decide(TestAnswers.result(), job: TestAnswers.job(fen: nil)) == "settle 2050")
    }

    @Test func `zero is not paid`() {
        #expect(
            Self.decide(TestAnswers.result(fen: 0), job: TestAnswers.job(fen: nil)) == "quarantine invalid_amount")
    }

    @Test(arguments: [
        ([2050], "settle 2050", "settle 2050"), ([2000, 50], "settle 2050", "settle 2050"),
        ([2049], "quarantine bills_mismatch", "settle 2050"), ([2000, 51], "quarantine bills_mismatch", "settle 2050"),
        ([], "quarantine bills_mismatch", "settle 2050"),
    ])
    func `bills that do not add up follow the source's policy`(bills: [Int64], careful: String, lenient: String) {
        let result = TestAnswers.result(bills: bills)
        var policy = ConfirmationPolicy(sellerID: TestHouse.sellerID)
        #expect(Self.decide(result, policy: policy) == careful)
        policy.billsMismatch = .settleTotal
        #expect(Self.decide(result, policy: policy) == lenient)
    }

    @Test(arguments: [[], [2050], [1], [9_999_999]])
    func `the sum of the funds is soft`(funds: [Int64]) {
        #expect(Self.decide(TestAnswers.result(funds: funds)) == "settle 2050")
    }

    @Test func `a job asked by token takes the answer's trade number`() {
        var job = TestAnswers.job(nil)
        job.queryToken = "tok"
        guard case .settle(let draft) = Self.decide(.known(TestAnswers.result("T9"), TestAnswers.evidence()), job: job)
        else {
            Issue.record("it was not settled")
            return
        }
        #expect(draft.result.tradeNo == "T9")
        #expect(draft.evidence == TestAnswers.evidence())
    }

    // MARK: Failures

    struct Failure: Sendable, CustomTestStringConvertible {
        let kind: FailureClass
        let signed: String
        let unsigned: String
        var testDescription: String { kind.rawValue }
    }

    static let failures: [Failure] = [
        Failure(kind: .retry, signed: "retry c", unsigned: "retry c"),
        Failure(kind: .throttle, signed: "snooze c", unsigned: "snooze c"),
        Failure(kind: .permanent, signed: "fail c", unsigned: "retry c"),
        Failure(kind: .operator, signed: "retry c", unsigned: "retry c"),
        Failure(kind: .pending, signed: "snooze pending", unsigned: "snooze pending"),
        Failure(kind: .notExisting, signed: "retry c soon", unsigned: "retry c"),
        Failure(kind: .belongsToOthers, signed: "quarantine c", unsigned: "retry c"),
        Failure(kind: .transport, signed: "retry c", unsigned: "retry c"),
        Failure(kind: .untrusted, signed: "retry c", unsigned: "retry c"),
        Failure(kind: .malformed, signed: "retry c", unsigned: "retry c"),
    ]

    private static func failure(
        _ kind: FailureClass, signed: Bool, retryAfter: Duration? = nil
    ) -> PayResultAnswer {
        .failure(GatewayFailure(kind: kind, cause: "c", message: "m", signed: signed, retryAfter: retryAfter))
    }

    @Test func `the table knows every class of failure`() {
        #expect(Set(Self.failures.map(\.kind)) == Set(FailureClass.allCases))
    }

    @Test(arguments: failures)
    func `only a signed failure ends a job`(_ failure: Failure) {
        #expect(Self.word(Self.decide(Self.failure(failure.kind, signed: true))) == failure.signed)
        #expect(Self.word(Self.decide(Self.failure(failure.kind, signed: false))) == failure.unsigned)
    }

    @Test(arguments: [
        (true, 48 * 3600 - 1, "retry c soon"), (true, 48 * 3600, "quarantine c"), (false, 96 * 3600, "retry c"),
    ])
    func `a payment that is not there is asked for through two days`(signed: Bool, age: Int, expected: String) {
        #expect(Self.word(Self.decide(Self.failure(.notExisting, signed: signed), age: .seconds(age))) == expected)
    }

    @Test func `the last question about a payment that is not there is asked at the end of its budget`() {
        let late = Self.decide(
            Self.failure(.notExisting, signed: true), attempt: 60, age: .seconds(48 * 3600 - 5), jitter: 0.9)
        guard case .finish(.retry(_, .seconds(5)?, let policy?)) = late else {
            Issue.record("\(late)")
            return
        }
        // Else the job would end with the budget's cause and not with its own.
        #expect(policy.budget > .seconds(48 * 3600 + 5))
    }

    @Test func `a source's own patience holds for its payments`() {
        var policy = ConfirmationPolicy(sellerID: TestHouse.sellerID)
        policy.retry.usual = RetryPolicy(first: .seconds(2), cap: .seconds(9), budget: .seconds(600))
        policy.retry.notExisting = RetryPolicy(first: .seconds(8), cap: .seconds(20), budget: .seconds(300))
        func answer(_ kind: FailureClass, age: Int, attempt: Int = 1) -> Settlement.Confirmation {
            Self.decide(
                Self.failure(kind, signed: true), policy: policy, attempt: attempt, age: .seconds(age), jitter: 0.5)
        }
        for kind: FailureClass in [.retry, .transport, .untrusted, .malformed, .operator] {
            guard case .finish(.retry(_, nil, policy.retry.usual?)) = answer(kind, age: 1) else {
                Issue.record("\(kind) does not follow the source")
                continue
            }
        }
        for (attempt, pause) in [(1, 4), (2, 8), (3, 10), (9, 10)] {
            guard case .finish(.retry(_, .seconds(pause)?, _)) = answer(.notExisting, age: 1, attempt: attempt) else {
                Issue.record("attempt \(attempt) does not follow the source")
                continue
            }
        }
        #expect(Self.word(answer(.notExisting, age: 299)) == "retry c soon")
        #expect(Self.word(answer(.notExisting, age: 300)) == "quarantine c")
    }

    @Test(arguments: [(1, 1.0), (2, 2.0), (5, 16.0), (12, 2048.0), (13, 3600.0), (60, 3600.0)])
    func `the pauses grow from a second to an hour`(attempt: Int, ceiling: Double) {
        func pause(_ jitter: Double) -> Duration? {
            guard
                case .finish(.retry(_, let after, _)) = Self.decide(
                    Self.failure(.notExisting, signed: true), attempt: attempt, jitter: jitter)
            else { return nil }
            return after
        }
        #expect(pause(0) == .milliseconds(250))
        #expect(pause(0.5) == .milliseconds(Int64(ceiling * 500)))
    }

    @Test func `a throttle is waited out as told, and then some`() {
        func pause(_ told: Duration?, _ jitter: Double) -> Duration? {
            guard
                case .finish(.snooze(let after, _)) = Self.decide(
                    Self.failure(.throttle, signed: false, retryAfter: told), jitter: jitter)
            else { return nil }
            return after
        }
        #expect(pause(.seconds(60), 0) == .seconds(60))
        #expect(pause(.seconds(60), 0.5) == .seconds(70))
        #expect(pause(nil, 0) == .seconds(20))
    }

    @Test func `a fresh payment is looked at often, an old one seldom`() {
        func pause(_ age: Int) -> Duration? {
            guard
                case .finish(.snooze(let after, _)) = Self.decide(
                    .known(TestAnswers.result(status: .waiting), TestAnswers.evidence()), age: .seconds(age))
            else { return nil }
            return after
        }
        #expect(pause(1) == .seconds(30))
        #expect(pause(600) == .seconds(60))
        #expect(pause(70 * 3600) == .seconds(3600))
    }
}
