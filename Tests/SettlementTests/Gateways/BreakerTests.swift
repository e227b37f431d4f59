import Testing

@testable import Settlement

@Suite struct BreakerTests {
    /// A breaker and its calls, in the order of a story.
    private final class Line {
        var breaker: Breaker
        var now = Duration.zero

        init(_ change: (inout Breaker.Policy) -> Void = { _ in }) {
            var policy = Breaker.Policy()
            change(&policy)
            breaker = Breaker(policy: policy)
        }

        /// Makes a call that ends at once; false when it was not let through.
        func admit(mayProbe: Bool) -> Breaker.Admission { breaker.admit(mayProbe: mayProbe, at: now) }

        @discardableResult
        func call(_ result: Breaker.Result, mayProbe: Bool = false, after: Duration = .zero) -> Bool {
            now += after
            guard case .go(let pass) = breaker.admit(mayProbe: mayProbe, at: now) else { return false }
            breaker.record(result, cause: "timeout", pass, at: now)
            return true
        }
    }

    @Test func `ten failures in a row open it, and an answer between them does not let it come to that`() {
        let line = Line()
        for _ in 0..<9 { line.call(.failure) }
        #expect(line.breaker.state == .closed && line.breaker.isInDoubt)
        line.call(.success)
        for _ in 0..<9 { line.call(.failure) }
        #expect(line.breaker.state == .closed)
        line.call(.failure)
        #expect(line.breaker.state == .open && line.breaker.lastCause == "timeout")
        #expect(!line.call(.success))
    }

    @Test func `where little is asked, three failures over five seconds open it`() {
        let line = Line()
        line.call(.failure)
        line.call(.failure, after: .seconds(2))
        line.call(.failure, after: .milliseconds(2_999))
        #expect(line.breaker.state == .closed)
        line.call(.failure, after: .milliseconds(1))
        #expect(line.breaker.state == .open)
    }

    @Test func `half of twenty calls within the window open it, the gateway's own excuses included`() {
        let line = Line()
        for index in 0..<19 { line.call(index.isMultiple(of: 2) ? .trouble : .success, after: .milliseconds(10)) }
        #expect(line.breaker.state == .closed)
        line.call(.trouble)
        #expect(line.breaker.state == .open)
    }

    @Test func `failures that are older than the window are forgotten`() {
        let line = Line()
        for _ in 0..<15 { line.call(.trouble) }
        line.call(.success, after: .seconds(11))
        for _ in 0..<9 { line.call(.trouble) }
        #expect(line.breaker.state == .closed)
    }

    @Test func `one trade that is always answered with an excuse never opens it`() {
        let line = Line()
        for _ in 0..<1_000 { line.call(.trouble, after: .seconds(1)) }
        #expect(line.breaker.state == .closed)
    }

    @Test func `while it is open a held job may find out, and everybody else waits for what it finds`() {
        let line = Line()
        for _ in 0..<10 { line.call(.failure) }
        #expect(line.admit(mayProbe: false) == .refused)
        guard case .go(let pass) = line.breaker.admit(mayProbe: true, at: line.now) else {
            Issue.record("the probe was not let through")
            return
        }
        #expect(line.breaker.state == .halfOpen)
        #expect(line.admit(mayProbe: true) == .wait)
        #expect(line.admit(mayProbe: false) == .wait)
        line.breaker.record(.failure, cause: "reset", pass, at: line.now)
        #expect(line.breaker.state == .open && line.breaker.lastCause == "reset")
    }

    @Test func `where no job is held, an ordinary call finds out after a while`() {
        let line = Line()
        for _ in 0..<10 { line.call(.failure) }
        #expect(!line.call(.success, after: .milliseconds(4_999)))
        #expect(line.call(.success, after: .milliseconds(1)))
        #expect(line.breaker.state == .closed)
    }

    @Test func `a probe that was given up lets the next one try at once`() {
        let line = Line()
        for _ in 0..<10 { line.call(.failure) }
        #expect(line.call(.nothing, mayProbe: true))
        #expect(line.breaker.state == .open)
        #expect(line.call(.success))
    }

    @Test func `after it has closed, few calls are under way, and each answer admits one more`() {
        let line = Line()
        for _ in 0..<10 { line.call(.failure) }
        line.call(.success, mayProbe: true)
        func admitAll() -> [Breaker.Pass] {
            var passes: [Breaker.Pass] = []
            while passes.count < 100, case .go(let pass) = line.admit(mayProbe: false) { passes.append(pass) }
            return passes
        }
        var under = admitAll()
        #expect(under.count == 4)
        // Round by round: all are answered, and as many again and again as many are admitted.
        for expected in [8, 16, 32] {
            for pass in under { line.breaker.record(.success, pass, at: line.now) }
            under = admitAll()
            #expect(under.count == expected)
        }
    }

    @Test func `results of calls from before it opened say nothing any more`() {
        let line = Line()
        var passes: [Breaker.Pass] = []
        for _ in 0..<20 {
            if case .go(let pass) = line.breaker.admit(mayProbe: false, at: .zero) { passes.append(pass) }
        }
        for pass in passes.prefix(10) { line.breaker.record(.failure, pass, at: .zero) }
        #expect(line.breaker.state == .open)
        guard case .go(let probe) = line.breaker.admit(mayProbe: true, at: .zero) else { return }
        for pass in passes.dropFirst(10) { line.breaker.record(.success, pass, at: .zero) }
        #expect(line.breaker.state == .halfOpen)
        line.breaker.record(.success, probe, at: .zero)
        #expect(line.breaker.state == .closed)
    }
}
