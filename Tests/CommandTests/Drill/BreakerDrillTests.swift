import Testing

@testable import settled

/// The drill itself, small: it takes a real gateway away from the real program and says when a promise is broken.
@Suite(.timeLimit(.minutes(5))) struct BreakerDrillTests {
    private static let output: OutputOptions = {
        var output = OutputOptions()
        output.quiet = true
        output.json = false
        return output
    }()

    @Test func `an outage costs no attempt, and afterwards the oldest go first within the rate`() async throws {
        let drill = BreakerDrill(
            jobs: 400, rate: 100, outage: .seconds(2), probeInterval: .seconds(1), output: Self.output)
        let report = try await drill.run()
        // How evenly calls arrive depends on the machine that both ends run on; the bucket is tested with a clock of its own.
        #expect(report.questions.busiestSecond <= 150)
        for promise in report.promises where !promise.sentence.hasPrefix("calls in any second") {
            #expect(promise.isKept, "\(report.table)")
        }
        #expect(report.held > 300 && report.end.settled == 400)
    }

    // MARK: A broken promise is seen

    private static func report(
        _ change: (inout BreakerDrillLedger.Standing, inout BreakerDrillReport.Questions, inout Int) -> Void
    ) -> BreakerDrillReport {
        var end = BreakerDrillLedger.Standing(done: 100, settled: 100)
        var questions = BreakerDrillReport.Questions(order: [], before: [], asked: [])
        var lost = 4
        change(&end, &questions, &lost)
        return BreakerDrillReport(
            jobs: 100, rate: 50, concurrency: 4, away: .seconds(1), took: .seconds(1), held: 90, probes: 2,
            callsWithoutAnswer: lost, end: end, questions: questions)
    }

    @Test func `each promise can be broken, and each alone is enough`() {
        #expect(Self.report { _, _, _ in }.holds)
        #expect(!Self.report { end, _, _ in end.attempts = 1 }.holds)
        #expect(!Self.report { end, _, _ in end.settled = 99 }.holds)
        #expect(!Self.report { end, _, _ in end.held = 1 }.holds)
        #expect(!Self.report { _, questions, _ in questions.busiestSecond = 56 }.holds)
        #expect(Self.report { _, questions, _ in questions.busiestSecond = 55 }.holds)
        #expect(!Self.report { _, questions, _ in questions.displacement = 9 }.holds)
        #expect(!Self.report { _, _, lost in lost = 11 }.holds)
    }

    @Test func `the busiest second, the order and the repeats are found in what was asked`() {
        let order = ["a", "b", "c", "d", "e"]
        let questions = BreakerDrillReport.Questions(
            order: order, before: ["a"],
            asked: [("b", 0), ("e", 100_000), ("c", 999_999), ("d", 1_000_000), ("d", 2_500_000)])
        #expect(questions.count == 5 && questions.repeated == 1)
        #expect(questions.busiestSecond == 3)
        // After a, the turns are b c d e; e was asked two places too early.
        #expect(questions.displacement == 2)
    }
}
