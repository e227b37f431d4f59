import ArgumentParser
import Testing

@testable import settled

/// What is made of the figures of several rounds, and what makes a run fail.
@Suite("Figures of a bench") struct BenchReportTests {
    @Test func `medians count, and the ratio is taken within each round`() throws {
        let rounds = [(10.0, 100.0), (90, 100), (100, 400)].map { ours, limit in
            [BenchFigure("speed", ours, "/s", beside: .init("the limit", limit)), BenchFigure("delay", ours, "ms")]
        }
        let results = BenchResult.of("queue", rounds: rounds)
        #expect(results.map(\.what) == ["speed", "delay"])
        let speed = try #require(results.first)
        #expect(speed.value == 90)
        #expect(speed.beside?.value == 100)
        #expect(speed.ratio == 0.25)
        #expect(speed.rounds == 3)
        #expect(results.last?.ratio == nil)
    }

    @Test func `a result as JSON has every member, null where there is nothing`() {
        let alone = BenchResult.of("feed", rounds: [[BenchFigure("delay", .nan, "ms")]]).map(\.json.object)
        #expect(
            alone == [
                #"{"bench":"feed","what":"delay","unit":"ms","ours":null,"beside":null,"ratio":null,"beside_is":null,"rounds":1}"#
            ])
    }

    @Test(
        "Figures are as long as they mean something",
        arguments: [(0.0, "0.00"), (1.005, "1.00"), (99.994, "99.99"), (100, "100"), (12_345.6, "12346"), (.nan, "-")])
    func text(value: Double, expected: String) {
        #expect(BenchReport.text(value) == expected)
    }

    @Test(
        "A setting that lets a crash lose commits is said, and no other",
        arguments: [
            ("fsync", "off", false), ("synchronous_commit", "off", false), ("full_page_writes", "off", false),
            ("fsync", "on", true), ("synchronous_commit", "remote_apply", true), ("autovacuum", "off", true),
        ])
    func durability(name: String, value: String, isDurable: Bool) {
        let durability = Durability(settings: [
            .init(name: "server_version", value: "17"), .init(name: name, value: value),
        ])
        #expect(durability.isDurable == isDurable)
        #expect((durability.warning?.contains(name) ?? false) == !isDurable)
        #expect(durability.text.contains("\(name)=\(value)"))
    }

    @Test func `a database that holds what it must is accepted`() throws {
        let whole = Census(
            keys: 5, deliveries: 5, live: 0, ended: 5, both: 0, settled: 5, settlements: 5, trades: 5)
        try whole.checkQueue(stored: 5, done: 5)
        try whole.checkQueue(stored: 7, done: 5, unsure: 2)
        try whole.checkIntake(acknowledged: 5)
        try whole.checkLine(acknowledged: 5)
    }

    @Test(
        "Whatever is lost, doubled or left over is a failure",
        arguments: [
            Census(keys: 4, deliveries: 4, live: 0, ended: 4, settled: 4, settlements: 4, trades: 4),
            Census(keys: 5, deliveries: 6, live: 0, ended: 5, settled: 5, settlements: 5, trades: 5),
            Census(keys: 5, deliveries: 5, live: 1, ended: 5, both: 1, settled: 5, settlements: 5, trades: 5),
            Census(keys: 5, deliveries: 5, live: 1, ended: 4, settled: 4, settlements: 4, trades: 4),
            Census(keys: 5, deliveries: 5, live: 0, ended: 5, settled: 5, settlements: 6, trades: 5),
            Census(keys: 5, deliveries: 5, live: 0, ended: 5, settled: 4, settlements: 5, trades: 5),
            Census(keys: 5, deliveries: 5, live: 0, ended: 5, settled: 5, settlements: 5, trades: 4),
        ])
    func violated(census: Census) {
        let failure = #expect(throws: CommandFailure.self) { try census.checkLine(acknowledged: 5) }
        #expect(failure?.exitCode == .failure)
    }

    @Test func `jobs that are lost, in two places, or not done are failures of the queue`() {
        for census in [
            Census(live: 0, ended: 4), Census(live: 1, ended: 5), Census(live: 1, ended: 4),
            Census(live: 0, ended: 5, both: 1),
        ] {
            #expect(throws: CommandFailure.self) { try census.checkQueue(stored: 5, done: 5) }
        }
    }
}
