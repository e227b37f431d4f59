import Synchronization
import Testing

@testable import JobQueue

@Suite struct SuspectGateTests {
    @Test("A suspect waits until all others have left, and nobody enters meanwhile")
    func alone() async {
        let gate = SuspectGate()
        #expect(gate.enter())
        gate.join(2)
        gate.leave()
        let isAlone = Mutex(false)
        async let alone = {
            let result = await gate.takeAlone(patience: .seconds(60))
            isAlone.withLock { $0 = true }
            return result
        }()
        while gate.enter() {
            gate.leave()
            await Task.yield()
        }
        gate.leave()
        #expect(isAlone.withLock { $0 } == false)
        gate.leave()
        #expect(await alone)
        #expect(!gate.enter())
        gate.giveUpAlone()
        #expect(gate.enter())
    }

    @Test("A suspect that is never alone gives up and lets the others in again")
    func patience() async {
        let gate = SuspectGate()
        #expect(gate.enter())
        #expect(await gate.takeAlone(patience: .milliseconds(1)) == false)
        #expect(gate.enter())
    }

    @Test("Two suspects are not alone together")
    func second() async {
        let gate = SuspectGate()
        #expect(await gate.takeAlone(patience: .seconds(1)))
        #expect(await gate.takeAlone(patience: .seconds(1)) == false)
        gate.giveUpAlone()
        #expect(await gate.takeAlone(patience: .seconds(1)))
    }

    @Test("Suspects get at most half of the time, and more patience each time they were not alone")
    func turns() {
        var turns = SuspectTurns()
        #expect(turns.isDue(now: .zero))
        turns.took(.none, from: .zero, to: .zero)
        #expect(!turns.isDue(now: .milliseconds(999)))
        #expect(turns.isDue(now: .seconds(1)))
        turns.took(.neverAlone, from: .seconds(1), to: .seconds(6))
        #expect(turns.patience == .seconds(10))
        #expect(!turns.isDue(now: .seconds(10)))
        #expect(turns.isDue(now: .seconds(11)))
        for _ in 0..<20 { turns.took(.neverAlone, from: .zero, to: .zero) }
        #expect(turns.patience == .seconds(300))
        turns.took(.ran, from: .seconds(20), to: .seconds(22))
        #expect(turns.patience == .seconds(5))
        #expect(!turns.isDue(now: .seconds(23)))
    }
}
