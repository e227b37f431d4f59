import ArgumentParser
import Postgres
import Telemetry

/// Ends a command with one clear sentence and an exit code.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    let exitCode: ExitCode

    init(_ description: String, _ exitCode: ExitCode = .failure) {
        self.description = description
        self.exitCode = exitCode
    }
}

extension CommandFailure {
    /// What any error that reaches the root command is told as.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as SettingsError: self.init(error.description, .configuration)
        case let error as PostgresError: self.init(error.description, Self.exitCode(for: error))
        default: self.init(String(describing: error))
        }
    }

    private static func exitCode(for error: PostgresError) -> ExitCode {
        switch error.code {
        case .connection, .timeout, .poolTimeout, .poolClosed: .dependencyDown
        case .migration: .conflict
        default: error.isTransient ? .tryLater : .failure
        }
    }
}
