import ArgumentParser

/// `settled drill`: rehearsals on a private database and a simulated platform, which show what the program does when
/// something goes wrong.
struct DrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill",
        abstract: "Rehearse what goes wrong, on a private database and a simulated platform.",
        subcommands: [ErrorDrillCommand.self, BreakerDrillCommand.self])
}

/// `settled drill errors`: every documented error of every API, and what the program did about it.
struct ErrorDrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "errors",
        abstract: "Play every documented error of every API, and print what the program did about each.",
        discussion: """
            Each error has a database, a simulated gateway and the whole program to itself. Ends with 0 when the program \
            did what the documents ask for, 1 when it did not.
            """)

    @Option(name: .long, help: "Only the errors of this API.")
    var api: String?
    @Option(name: .long, help: "How many errors are played at the same time.")
    var parallel = 4
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...64).contains(parallel) else { throw ValidationError("--parallel takes 1 to 64") }
        if let api, !ErrorDrill.apis.contains(api) {
            throw ValidationError("--api takes one of \(ErrorDrill.apis.joined(separator: ", "))")
        }
    }

    func run() async throws {
        let errors = ErrorDrill.errors.filter { api == nil || $0.api == api }
        output.note("playing \(errors.count) documented errors, \(parallel) at a time")
        let report = try await ErrorDrill(parallel: parallel, output: output).run(errors)
        StandardOutput.write(output.json ? report.json : report.table)
        if !report.holds { throw ExitCode.failure }
    }
}
