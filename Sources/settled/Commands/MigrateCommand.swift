import ArgumentParser
import Postgres
import Schema
import Telemetry

/// `settled migrate`: brings the database to the schema of this program, or says what is missing.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database to this program's schema.",
        subcommands: [Up.self, Status.self, Plan.self])

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Apply what is missing, one transaction each; safe to run by several at once.")

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let applied = try await withDatabase(configuration) { try await Migrator(Schema.migrations).up(on: $0) }
            MigrationList.print(applied, "applied", output)
            output.note(
                applied.isEmpty
                    ? "nothing to do: the database is at migration \(Schema.version)"
                    : "the database is at migration \(Schema.version) now")
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "List every migration and whether the database has it; ends with 6 when one is missing, 5 when they differ."
        )

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let statuses = try await withDatabase(configuration) {
                try await Migrator(Schema.migrations).status(on: $0)
            }
            MigrationList.print(statuses, output)
            if statuses.contains(where: { $0.state.isContradiction }) { throw ExitCode.conflict }
            if statuses.contains(where: { $0.state == .pending }) { throw ExitCode.findings }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what `migrate up` would apply, and change nothing.")

        @Flag(name: .long, help: "Print the SQL as well.")
        var sql = false

        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let plan = try await withDatabase(configuration) { try await Migrator(Schema.migrations).plan(on: $0) }
            if sql {
                for migration in plan {
                    StandardOutput.line("-- \(migration.number) \(migration.name)\n\(migration.sql)")
                }
            } else {
                MigrationList.print(plan, "pending", output)
            }
            if plan.isEmpty { output.note("nothing to do: the database is at migration \(Schema.version)") }
        }
    }
}

/// Runs `work` on one direct connection and tells what went wrong in the words of exit codes.
private func withDatabase<Value: Sendable>(
    _ configuration: ConfigurationOption, _ work: (Connection) async throws -> Value
) async throws -> Value {
    let connection = Connection(try configuration.load().settings.database.direct)
    do {
        try await connection.connect()
        let value = try await work(connection)
        await connection.close()
        return value
    } catch {
        await connection.close()
        throw error
    }
}

private enum MigrationList {
    static func print(_ migrations: [Migration], _ state: String, _ output: OutputOptions) {
        print(migrations.map { (number: $0.number, name: $0.name, state: state, at: nil as Timestamp?) }, output)
    }

    static func print(_ statuses: [MigrationStatus], _ output: OutputOptions) {
        print(statuses.map { (number: $0.number, name: $0.name, state: $0.state.word, at: $0.state.time) }, output)
    }

    private static func print(
        _ rows: [(number: Int, name: String, state: String, at: Timestamp?)], _ output: OutputOptions
    ) {
        if output.json {
            for row in rows {
                var json = JSONText()
                json.raw("{\"number\":")
                json.number(row.number)
                json.raw(",\"name\":")
                json.string(row.name)
                json.raw(",\"state\":")
                json.string(row.state)
                json.raw(",\"applied_at\":")
                json.string(row.at?.rfc3339)
                json.raw("}\n")
                StandardOutput.write(json.text)
            }
        } else if !rows.isEmpty {
            var table = Table([.init("NUMBER", .right), .init("NAME"), .init("STATE"), .init("APPLIED")])
            for row in rows { table.add(String(row.number), row.name, row.state, row.at?.rfc3339) }
            StandardOutput.write(table.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal)))
        }
    }
}

extension MigrationStatus.State {
    fileprivate var word: String {
        switch self {
        case .applied: "applied"
        case .pending: "pending"
        case .edited: "edited"
        case .unknown: "unknown"
        }
    }

    fileprivate var time: Timestamp? {
        switch self {
        case .applied(let time), .edited(let time), .unknown(let time): time
        case .pending: nil
        }
    }

    fileprivate var isContradiction: Bool {
        switch self {
        case .edited, .unknown: true
        case .applied, .pending: false
        }
    }
}
