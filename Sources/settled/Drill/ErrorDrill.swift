import Foundation
import Postgres
import Sandbox

/// Plays documented errors, each on a stage of its own, and tells what became of each.
struct ErrorDrill: Sendable {
    static let errors =
        DocumentedError.payResult + DocumentedError.agreementQuery + DocumentedError.agreementPay
    static var apis: [String] {
        errors.reduce(into: []) { apis, error in if apis.last != error.api { apis.append(error.api) } }
    }

    let parallel: Int
    let output: OutputOptions

    func run(_ errors: [DocumentedError]) async throws -> ErrorDrillReport {
        try await EmbeddedPostgres.withServer(.init(isDurable: false)) { server in
            try await Startup.migrate(server.settings())
            let stages = DrillDatabases(server: server)
            let keys = try SandboxKeys.generate()
            var bar = ProgressBar("playing", total: errors.count, write: output.progress)
            let observations = try await withThrowingTaskGroup(of: (Int, Observation).self) { group in
                var rest = errors.enumerated().makeIterator()
                func playNext() {
                    guard let (index, error) = rest.next() else { return }
                    group.addTask {
                        let observation = try await stages.lend("error_\(index)") { database in
                            switch error.fault {
                            case .alipay(let fault):
                                try await ErrorStage(error: error, fault: fault, keys: keys, database: database).play()
                            case .agreement(let fault):
                                try await AgreementErrorStage(
                                    error: error, fault: fault, keys: keys, database: database
                                ).play()
                            case .top(let fault):
                                try await TOPErrorStage(error: error, fault: fault, keys: keys, database: database)
                                    .play()
                            }
                        }
                        return (index, observation)
                    }
                }
                for _ in 0..<parallel { playNext() }
                var found: [Int: Observation] = [:]
                while let (index, observation) = try await group.next() {
                    found[index] = observation
                    bar.advance(to: found.count)
                    playNext()
                }
                return found
            }
            bar.finish()
            return ErrorDrillReport(
                rows: errors.enumerated().compactMap { index, error in
                    observations[index].map { ErrorDrillReport.Row(error: error, observation: $0) }
                })
        }
    }
}

/// What became of the job that met the error.
struct Observation: Sendable, Hashable {
    /// What the first call led to: `retry`, `snooze`, `hold`, `fail`, `quarantine`, or `done` when it went through.
    var first: String
    var cause: String?
    /// Attempts spent when it was looked at last.
    var attempts: Int
    /// How often the gateway was asked.
    var calls: Int
    var state: String
    var outcome: String?
    /// Until the job is looked at again; nil when it is not waiting.
    var wait: Duration?
    /// Things that were settled.
    var settled: Int
}

/// A database for each stage, made from one that has the schema already.
struct DrillDatabases: Sendable {
    let server: EmbeddedPostgres

    func lend<T: Sendable>(_ name: String, _ body: (ConnectionSettings) async throws -> T) async throws -> T {
        let connection = Connection(server.settings(database: "template1"))
        try await connection.connect()
        do {
            try await connection.execute("CREATE DATABASE \(name) TEMPLATE postgres")
            await connection.close()
            return try await body(server.settings(database: name))
        } catch {
            await connection.close()
            throw error
        }
    }
}
