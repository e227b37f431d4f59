import Testing

@testable import JobQueue

@Suite struct ReadyMarksTests {
    private func claim(
        _ marks: inout ReadyMarks, at now: Duration, took: Duration = .zero, full: Bool = false,
        _ taken: [(priority: Priority, readyOrder: Int64)]
    ) -> ReadyMarks.Plan {
        let plan = marks.plan(now: now)
        marks.claimed(taken, by: plan, isFull: full, start: now, end: now + took)
        return plan
    }

    @Test("The first claim looks from the head, the next ones from the mark less the slack, each priority for itself")
    func marksMoveUp() {
        var marks = ReadyMarks(slack: 100, sweepEvery: .seconds(1))
        #expect(claim(&marks, at: .zero, [(.normal, 5_000), (.normal, 4_000), (.urgent, 50)]).isSweep)
        let next = claim(&marks, at: .milliseconds(10), [(.low, 9_000)])
        #expect(next == .init(after: [0, 4_900, 0, 0], isSweep: false))
        #expect(marks.plan(now: .milliseconds(20)).after == [0, 4_900, 8_900, 0])
    }

    @Test("A claim of older jobs does not take the mark back")
    func marksStay() {
        var marks = ReadyMarks(slack: 0, sweepEvery: .seconds(100))
        _ = claim(&marks, at: .zero, [(.normal, 500)])
        _ = claim(&marks, at: .zero, [(.normal, 100)])
        #expect(marks.plan(now: .zero).after[1] == 500)
    }

    @Test("A full sweep takes the mark back to where it ended, because more may lie behind")
    func fullSweep() {
        var marks = ReadyMarks(slack: 0, sweepEvery: .seconds(1))
        _ = claim(&marks, at: .zero, [(.normal, 5_000), (.bulk, 70)])
        _ = claim(&marks, at: .seconds(2), full: true, [(.normal, 300)])
        #expect(marks.plan(now: .seconds(2)).after == [0, 300, 0, 70])
    }

    @Test(
        "A sweep may use a fiftieth of the time",
        arguments: [
            (Duration.milliseconds(1), Duration.milliseconds(999), false),
            (.milliseconds(1), .milliseconds(1_001), true),
            (.seconds(2), .seconds(99), false), (.seconds(2), .seconds(100), true),
        ])
    func throttle(took: Duration, now: Duration, isDue: Bool) {
        var throttle = SweepThrottle(every: .seconds(1))
        #expect(throttle.isDue(now: .zero))
        throttle.swept(from: .zero, to: took)
        #expect(throttle.isDue(now: now) == isDue)
    }
}
