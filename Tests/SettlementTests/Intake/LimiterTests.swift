import Testing

@testable import Settlement

@Suite struct LimiterTests {
    @Test func `a burst is let through, then the rate`() {
        let limiter = Limiter(rate: 2, burst: 3)
        let start = ContinuousClock.now
        #expect((0..<5).map { _ in limiter.admit("a", at: start) } == [true, true, true, false, false])
        #expect(!limiter.admit("a", at: start + .milliseconds(499)))
        #expect(limiter.admit("a", at: start + .milliseconds(500)))
        #expect(!limiter.admit("a", at: start + .milliseconds(500)))
    }

    @Test func `keys do not take from each other`() {
        let limiter = Limiter(rate: 1, burst: 1)
        let start = ContinuousClock.now
        #expect(limiter.admit("a", at: start))
        #expect(limiter.admit("b", at: start))
        #expect(!limiter.admit("a", at: start))
    }

    @Test func `no more than the burst is saved up, and a clock that goes back gives nothing`() {
        let limiter = Limiter(rate: 1000, burst: 2)
        let start = ContinuousClock.now
        #expect(limiter.admit("a", at: start))
        let later = start + .seconds(3600)
        #expect((0..<3).map { _ in limiter.admit("a", at: later) } == [true, true, false])
        #expect(!limiter.admit("a", at: start))
    }
}
