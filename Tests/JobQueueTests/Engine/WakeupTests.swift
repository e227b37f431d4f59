import Testing

@testable import JobQueue

@Suite(.timeLimit(.minutes(5))) struct WakeupTests {
    @Test("A wait is ended by a signal long before its limit, and says so")
    func fired() async {
        let wakeup = Wakeup()
        let waiter = Task { await wakeup.wait(upTo: .seconds(3600)) }
        // The signal is kept when it is faster than the waiter.
        wakeup.fire()
        #expect(await waiter.value)
    }

    @Test(
        "A wait ends at its own limit, whether longer or shorter waits came before it, and says that nothing was fired")
    func limits() async {
        let wakeup = Wakeup()
        let long = Task { await wakeup.wait(upTo: .seconds(3600)) }
        for milliseconds in [20, 1, 5] {
            let start = ContinuousClock.now
            #expect(await !wakeup.wait(upTo: .milliseconds(milliseconds)))
            #expect(start.duration(to: .now) >= .milliseconds(milliseconds))
        }
        wakeup.fire()
        _ = await long.value
    }

    @Test("The alarm of a wait that was ended early serves the waits after it")
    func alarmStays() async {
        let wakeup = Wakeup()
        for _ in 0..<100 {
            let waiter = Task { await wakeup.wait(upTo: .milliseconds(30)) }
            wakeup.fire()
            #expect(await waiter.value)
        }
        #expect(await !wakeup.wait(upTo: .milliseconds(30)))
    }

    @Test("A cancelled task does not wait")
    func cancelled() async {
        let wakeup = Wakeup()
        let waiter = Task { await wakeup.wait(upTo: .seconds(3600)) }
        waiter.cancel()
        #expect(await !waiter.value)
    }
}
