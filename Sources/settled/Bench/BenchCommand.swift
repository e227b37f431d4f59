import ArgumentParser

/// `settled bench`: what can be measured here.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure this program here, beside what PostgreSQL and OpenSSL do on the same machine.",
        subcommands: [
            BenchAll.self, QueueBenchCommand.self, IntakeBenchCommand.self, GatewayBenchCommand.self,
            LineBenchCommand.self, FeedBenchCommand.self, MicroBench.self, AgreementsBench.self,
            WithholdingBench.self, BenchStep.self, PostingPlayer.self, ReadingPlayer.self,
        ],
        // Its options are its own: those of a parent would hide options of the same name in the others.
        defaultSubcommand: BenchAll.self)
}

/// `settled bench all`, or `settled bench` alone.
struct BenchAll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all",
        abstract: "Measure the five of them, each for a short while.",
        discussion: """
            Without --database it starts a durable PostgreSQL of its own in a private folder. Figures stand beside what was \
            measured in the same round: read the ratios, because a machine's speed changes by the minute. Something lost, \
            doubled or out of order ends it with 1.
            """)

    @OptionGroup var options: BenchOptions

    func run() async throws {
        try await options.run([QueueBench(), IntakeBench(), GatewayBench(), LineBench(), FeedBench()], rounds: 1)
    }
}
