import Testing

@testable import Settlement

@Suite struct TokenBucketTests {
    /// Takes whenever it can, every millisecond, and tells when.
    private func greed(_ bucket: inout TokenBucket, from start: Duration = .zero, for span: Duration) -> [Duration] {
        var taken: [Duration] = []
        for step in 0..<Int(span / .milliseconds(1)) {
            let now = start + .milliseconds(step)
            while bucket.take(at: now) { taken.append(now) }
        }
        return taken
    }

    @Test(arguments: [1.0, 7, 20, 100, 333])
    func `no second has more calls than the rate and a tenth, and a greedy caller gets the rate`(rate: Double) {
        var bucket = TokenBucket(rate: rate, at: .zero)
        // A pause first, so that all that can be saved up is.
        let taken = greed(&bucket, from: .seconds(60), for: .seconds(5))
        for first in taken {
            let within = taken.filter { $0 >= first && $0 < first + .seconds(1) }.count
            #expect(Double(within) <= max(rate * 1.1, rate + 1))
        }
        #expect(Double(taken.count) >= rate * 5 - 1)
    }

    @Test func `who comes too early is told how long to wait`() {
        var bucket = TokenBucket(rate: 4, at: .zero)
        #expect(bucket.wait(at: .zero) == .zero)
        let taken = [0, 0].map { bucket.take(at: .milliseconds($0)) }
        #expect(taken == [true, false])
        #expect(bucket.wait(at: .milliseconds(100)) == .milliseconds(150))
        let later = [249, 250].map { bucket.take(at: .milliseconds($0)) }
        #expect(later == [false, true])
    }

    @Test func `a closed bucket gives nothing until the time told, and begins empty`() {
        var bucket = TokenBucket(rate: 10, at: .zero)
        bucket.close(until: .seconds(30))
        bucket.close(until: .seconds(5))
        #expect(bucket.closed(at: .seconds(29)) == .seconds(30) && bucket.wait(at: .seconds(20)) >= .seconds(10))
        let taken = [29_999, 30_000, 30_100, 30_100].map { bucket.take(at: .milliseconds($0)) }
        #expect(taken == [false, false, true, false])
    }

    @Test func `another rate holds from then on`() {
        var bucket = TokenBucket(rate: 1, at: .zero)
        _ = bucket.take(at: .zero)
        bucket.change(rate: 100, at: .zero)
        #expect(bucket.wait(at: .zero) == .milliseconds(10))
    }
}

@Suite struct RetryBudgetTests {
    @Test func `repeats are a tenth of the calls on top of the floor`() {
        var budget = RetryBudget(share: 0.1, floor: 1, window: .seconds(10))
        var repeats = 0
        for index in 0..<1_000 {
            let now = Duration.milliseconds(index)
            budget.note(isRetry: false, at: now)
            if budget.admitsRetry(at: now) {
                budget.note(isRetry: true, at: now)
                repeats += 1
            }
        }
        // r ≤ 10 + (1000 + r) / 10
        #expect(repeats == 122)
    }

    @Test func `what was repeated before the window counts no more`() {
        var budget = RetryBudget(share: 0, floor: 1, window: .seconds(10))
        for _ in 0..<10 { budget.note(isRetry: true, at: .zero) }
        #expect(!budget.admitsRetry(at: .seconds(8)))
        #expect(budget.admitsRetry(at: .seconds(10)))
    }
}
