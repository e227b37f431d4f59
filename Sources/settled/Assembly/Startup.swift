import FailPoints
import Glibc
import Logging
import Postgres
import Schema
import Telemetry

/// What must hold before a long-running command begins; each thing that does not is one sentence and an exit code.
enum Startup {
    /// - Parameter descriptor: where log lines go; standard error unless told.
    static func logger(_ settings: LogSettings, descriptor: Int32 = STDERR_FILENO) -> Logger {
        let isTerminal = isatty(descriptor) == 1
        let writesText =
            switch settings.format {
            case .json: false
            case .text: true
            case .auto: isTerminal
            }
        let sink = ProgramLog.open(descriptor, writesJSON: !writesText)
        var logger = Logger(label: "settled") { label in
            if writesText {
                TextLogHandler(label: label, usesColor: TerminalStyle(isTerminal: isTerminal).usesColor, sink: sink)
            } else {
                JSONLogHandler(label: label, version: Version.current, sink: sink)
            }
        }
        logger.logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        return logger
    }

    /// - Parameter settings: past the pooler, if there is one.
    static func migrate(_ settings: ConnectionSettings) async throws {
        let connection = Connection(settings)
        do {
            try await connection.connect()
            _ = try await Migrator(Schema.migrations).up(on: connection)
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The database answers, and has exactly the schema that this program was built for.
    static func checkDatabase(_ settings: DatabaseSettings) async throws {
        let connection = Connection(settings.direct)
        do {
            try await connection.connect()
            let statuses = try await Migrator(Schema.migrations).status(on: connection)
            await connection.close()
            if statuses.contains(where: { $0.state == .pending }) {
                throw CommandFailure(
                    "the database lacks migrations of this program: run `settled migrate up` first", .configuration)
            }
        } catch {
            await connection.close()
            throw error
        }
    }

    static func checkFailPoints() throws {
        if let text = FailPoint.misspelled {
            throw CommandFailure(
                "SETTLED_FAILPOINT: `\(text)` is not NAME:kill[:N] or NAME:error[:N] with a NAME of: "
                    + FailPoint.names.joined(separator: ", "), .configuration)
        }
    }
}
