import ArgumentParser

/// `settled demo`: the whole line on one machine, with real notifications and a judge at the end.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show the whole line: embedded PostgreSQL, a simulated gateway, signed notifications, settlements.",
        discussion: """
            Starts everything in a private folder, sends notifications of every kind, good and bad, and compares what was \
            settled with what the gateway knows. Ends with 0 only if every valid trade was settled exactly once.
            """)

    @Option(name: .shortAndLong, help: "How many notifications are sent.")
    var notifications = 2_000
    @Option(name: .long, help: "The seed of the scenario; the same seed plays the same scenario.")
    var seed: UInt64 = 20_261_120
    @Flag(name: .long, help: "Go on serving afterwards, and print the addresses.")
    var stay = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(notifications) else {
            throw ValidationError("--notifications takes 1 to 1000000")
        }
    }

    func run() async throws {
        let demo = Demo(notifications: notifications, seed: seed, output: output)
        let report = try await demo.run { stage in
            guard stay else { return }
            output.note(stage.addresses)
            output.note("serving until Ctrl-C")
            await Interrupt.wait()
        }
        if !report.holds { throw ExitCode.failure }
    }
}
