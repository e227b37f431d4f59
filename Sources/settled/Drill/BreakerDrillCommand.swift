import ArgumentParser

/// `settled drill breaker`: the gateway goes while many jobs wait, and comes back.
struct BreakerDrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "breaker",
        abstract: "Take the gateway away from many waiting jobs and give it back.",
        discussion: """
            Prints how many attempts the outage cost (none), how often the gateway was called in the busiest second after it came \
            back, whether the oldest jobs went first, and whether all were settled. Ends with 1 when a promise was broken.
            """)

    @Option(name: .long, help: "How many jobs wait.")
    var jobs = 50_000
    @Option(name: .long, help: "Calls a second that the program may make.")
    var rate = 500
    @Option(name: .long, help: "Seconds that the gateway is away at least; longer until every job has noticed.")
    var outage = 20
    @Option(name: .long, help: "Seconds from one held job that is let out to the next.")
    var probeInterval = 5
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (100...1_000_000).contains(jobs) else { throw ValidationError("--jobs takes 100 to 1000000") }
        guard (10...100_000).contains(rate) else { throw ValidationError("--rate takes 10 to 100000") }
        guard (1...86_400).contains(outage) else { throw ValidationError("--outage takes 1 to 86400 seconds") }
        guard (1...3_600).contains(probeInterval) else {
            throw ValidationError("--probe-interval takes 1 to 3600 seconds")
        }
    }

    func run() async throws {
        let drill = BreakerDrill(
            jobs: jobs, rate: rate, outage: .seconds(outage), probeInterval: .seconds(probeInterval), output: output)
        let report = try await drill.run()
        StandardOutput.write(output.json ? report.json : report.table)
        if !report.holds { throw ExitCode.failure }
    }
}
