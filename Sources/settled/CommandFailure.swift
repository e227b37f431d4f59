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
        case let error as PostgresError where Self.lacksTables.contains(error.sqlState ?? ""):
            self.init("the database lacks tables of this program: run `settled migrate up` first", .configuration)
        case let error as PostgresError: self.init(error.description, Self.exitCode(for: error))
        default: self.init(String(describing: error))
        }
    }

    /// undefined_table, invalid_schema_name, undefined_column.
    private static let lacksTables: Set<String> = ["42P01", "3F000", "42703"]

    private static func exitCode(for error: PostgresError) -> ExitCode {
        switch error.code {
        case .connection, .timeout, .poolTimeout, .poolClosed: .dependencyDown
        case .migration: .conflict
        case .server where ["42501", "28000", "28P01"].contains(error.sqlState): .notAuthorised
        default: error.isTransient ? .tryLater : .failure
        }
    }
}
