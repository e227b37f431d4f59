import ArgumentParser
import Postgres
import Testing

@testable import settled

@Suite("How the program ends")
struct EndingTests {
    private func ending(_ arguments: [String]) throws -> Ending {
        do {
            // Help is a command of the parser's own, which throws its text when it runs.
            var command = try Settled.parseAsRoot(arguments)
            if !(command is any AsyncParsableCommand) { try command.run() }
        } catch {
            return Ending(error)
        }
        throw CommandFailure("the command line was accepted")
    }

    @Test(
        "A wrong command line ends with 2 and says how it should be",
        arguments: [
            ["config", "chekc"], ["--nonsense"], ["config", "check", "--config"], ["migrate", "up", "surplus"],
        ])
    func usage(arguments: [String]) throws {
        let ending = try ending(arguments)
        #expect(ending.exitCode == .usage)
        #expect(ending.exitCode.rawValue == 2)
        #expect(ending.toStandardError.contains("Usage: settled"))
        #expect(ending.toStandardOutput.isEmpty)
    }

    @Test(
        "Help and the version are data and success",
        arguments: [["--help"], ["--version"], ["config", "check", "--help"]])
    func help(arguments: [String]) throws {
        let ending = try ending(arguments)
        #expect(ending.exitCode == .success)
        #expect(!ending.toStandardOutput.isEmpty)
        #expect(ending.toStandardError.isEmpty)
    }

    @Test(
        "Errors have the exit codes of the documentation",
        arguments: [
            (SettingsError(problems: [SettingsProblem("a"), SettingsProblem("b")]), 78, "settled: a\nsettled: b\n"),
            (PostgresError(.connection, "no server"), 69, nil), (PostgresError(.timeout, "slow"), 69, nil),
            (PostgresError(.migration, "edited"), 5, nil), (PostgresError(.decoding, "odd"), 1, nil),
            (CommandFailure("nothing matched", .noneMatched), 3, "settled: nothing matched\n"),
            (ExitCode.findings, 6, ""),
            (CancellationError(), 1, nil),
        ] as [(any Error, Int32, String?)])
    func exitCodes(error: any Error, code: Int32, text: String?) {
        let ending = Ending(error)
        #expect(ending.exitCode.rawValue == code)
        if let text { #expect(ending.toStandardError == text) }
    }

    @Test("Nothing in an error can steer the terminal")
    func controls() {
        #expect(Ending(CommandFailure("a\u{1B}[2Jb")).toStandardError == "settled: a\\u{1b}[2Jb\n")
    }
}
