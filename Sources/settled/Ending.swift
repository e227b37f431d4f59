import ArgumentParser
import Telemetry

/// How the program ends after an error: its exit code, and what it says on which stream.
struct Ending: Equatable {
    var exitCode: ExitCode
    var toStandardOutput = ""
    var toStandardError = ""

    /// - Parameter error: whatever parsing the command line or running a command threw.
    init(_ error: any Error) {
        if let code = error as? ExitCode {
            exitCode = code
            return
        }
        switch Settled.exitCode(for: error) {
        case .success:
            // Help, --version and completion scripts are errors to the parser and data to everybody else.
            exitCode = .success
            toStandardOutput = Self.lines(Settled.fullMessage(for: error))
        case .validationFailure:
            exitCode = .usage
            toStandardError = Self.lines(Settled.fullMessage(for: error))
        default:
            let failure = CommandFailure(error)
            exitCode = failure.exitCode
            toStandardError = failure.description.split(separator: "\n")
                .map { "settled: " + TerminalText.oneLine(String($0)) + "\n" }.joined()
        }
    }

    private static func lines(_ message: String) -> String {
        message.isEmpty || message.hasSuffix("\n") ? message : message + "\n"
    }
}
