import ArgumentParser
import Sandbox

/// `settled bench gateway`.
struct GatewayBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Measure questions to the gateway: signed, asked, verified, settled.",
        discussion: """
            `settled work` is a process of its own, and the gateway another, whose answers were signed before. Beside it: the \
            RSA signatures that one core makes with nothing around them, for each question needs one.
            """)

    @Option(name: .long, help: "Questions in each round.")
    var calls = 5_000
    @OptionGroup var options: BenchOptions

    func validate() throws { try Bounds.check("calls", calls, 10...1_000_000) }

    func run() async throws { try await options.run([GatewayBench(calls: calls)]) }
}

/// Questions to the gateway for each core that the worker used.
struct GatewayBench: Bench {
    let name = "gateway"
    let connections = 40
    let promise = "every acknowledged notification was settled, once; the feed has each settlement once, in order"

    var calls = 5_000

    func round(
        on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void
    ) async throws -> [BenchFigure] {
        note("signing \(calls) notifications and answers")
        return try await BenchScene.with(calls) { [self] scene in
            let signatures = try await Self.signaturesPerSecond()
            let (took, cpu) = try await scene.gateway { url in
                try scene.configure(database: database, gateway: url)
                try await scene.service("serve") { serve in
                    _ = try await scene.post(0..<calls, to: serve, clients: 64)
                }
                try await database.settle()
                return try await scene.service("work") { work in
                    let (start, before) = (ContinuousClock.now, work.process.cpuSeconds)
                    let soundness = Soundness(database: database)
                    try await soundness.settled(calls)
                    let took = start.duration(to: .now) / .seconds(1)
                    let cpu = work.process.cpuSeconds - before
                    try await soundness.published(calls)
                    return (took, cpu)
                }
            }
            try await Census.taken(of: database).checkLine(acknowledged: calls)
            return [
                BenchFigure(
                    "verified answers, each core used", Double(calls) / cpu, "/s",
                    beside: .init("RSA-2048 signatures of one core", signatures)),
                BenchFigure("verified answers", Double(calls) / took, "/s"),
                BenchFigure("cores used by the worker", cpu / took, "cores"),
            ]
        }
    }

    /// Of one thread, by the processor time that it had.
    @concurrent
    private static func signaturesPerSecond() async throws -> Double {
        let signing = try MicroMessages(keys: .generate()).operation(.sign)
        return 1e9 / (try MicroTiming.nanoseconds(signing, count: 1_000))
    }
}
