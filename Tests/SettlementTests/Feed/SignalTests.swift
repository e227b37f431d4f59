import Synchronization
import Testing

@testable import Settlement

@Suite(.timeLimit(.minutes(5))) struct SignalTests {
    private static let ever = Duration.seconds(3600)

    @Test func `a signal that came before is not lost, and several are one`() async {
        let signal = Signal()
        signal.raise()
        signal.raise()
        await signal.wait(atMost: Self.ever)
        let start = ContinuousClock.now
        await signal.wait(atMost: .milliseconds(10))
        #expect(.now - start >= .milliseconds(10))
    }

    @Test func `no signal is lost between two loops that answer each other`() async {
        let there = Signal()
        let back = Signal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<2000 {
                    await there.wait(atMost: Self.ever)
                    back.raise()
                }
            }
            group.addTask {
                for _ in 0..<2000 {
                    there.raise()
                    await back.wait(atMost: Self.ever)
                }
            }
        }
    }

    @Test func `a cancelled task does not wait`() async {
        let signal = Signal()
        let waiting = Task { await signal.wait(atMost: Self.ever) }
        waiting.cancel()
        await waiting.value
        // It took no place that a later signal could go to.
        signal.raise()
        await signal.wait(atMost: Self.ever)
    }
}
