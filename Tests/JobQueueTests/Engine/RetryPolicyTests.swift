import JobQueue
import Postgres
import Testing

/// A generator that always draws the same bits.
struct FixedGenerator: RandomNumberGenerator {
    var bits: UInt64
    mutating func next() -> UInt64 { bits }
}

@Suite struct RetryPolicyTests {
    let start = Timestamp(unixSeconds: 1_000_000)

    @Test(
        "The longest delay doubles from one second and stops at fifteen minutes",
        arguments: [
            (1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 512), (11, 900), (12, 900), (40, 900), (Int.max, 900),
            (0, 1), (-5, 1),
        ])
    func ceiling(attempt: Int, seconds: Int) {
        #expect(RetryPolicy().ceiling(afterAttempt: attempt) == .seconds(seconds))
    }

    @Test("The delay is drawn between zero and the ceiling")
    func fullJitter() {
        var low = FixedGenerator(bits: 0)
        var high = FixedGenerator(bits: .max)
        let policy = RetryPolicy()
        #expect(policy.decide(attempt: 4, firstAttemptAt: start, now: start, using: &low) == .retry(after: .zero))
        guard case .retry(let longest) = policy.decide(attempt: 4, firstAttemptAt: start, now: start, using: &high)
        else { return #expect(Bool(false), "the budget is not spent") }
        #expect(longest <= .seconds(8) && longest > .milliseconds(7_999))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            guard case .retry(let delay) = policy.decide(attempt: 4, firstAttemptAt: start, now: start, using: &random)
            else { return #expect(Bool(false), "the budget is not spent") }
            #expect(delay >= .zero && delay <= .seconds(8))
        }
    }

    /// Seconds since the first attempt, delay asked for, whether that is too late.
    static let budgets: [(Int, Int, Bool)] = [
        (0, 60, false), (259_139, 60, false), (259_140, 60, false), (259_141, 60, true), (259_201, 0, true),
    ]

    @Test("The budget is one of time, and holds for delays that the handler asked for", arguments: budgets)
    func budget(elapsed: Int, asked: Int, isSpent: Bool) {
        var random = SystemRandomNumberGenerator()
        let decision = RetryPolicy().decide(
            attempt: 1, firstAttemptAt: start, now: start + .seconds(elapsed), asked: .seconds(asked), using: &random)
        #expect(decision == (isSpent ? .budgetSpent : .retry(after: .seconds(asked))))
    }
}
