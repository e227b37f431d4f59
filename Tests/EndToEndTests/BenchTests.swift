import Foundation
import Glibc
import Postgres
import Sandbox
import Testing

/// A bench that is stopped in the middle leaves nothing behind: no database, no process, no file.
@Suite(.serialized) struct BenchTests {
    /// Each would go on for a minute, and says when it is in the middle.
    struct Case: Sendable, CustomTestStringConvertible {
        let arguments: [String]
        let begun: String
        var testDescription: String { arguments[0] }
    }

    static let cases = [
        Case(
            arguments: ["queue", "--jobs", "10", "--starts", "1", "--seconds", "60"],
            begun: "SELECT count(*) > 50 FROM settled.jobs"),
        Case(
            arguments: ["feed", "--items", "10", "--readers", "3", "--arrivals", "1", "--seconds", "60"],
            begun: "SELECT count(*) > 0 FROM settled.tokens"),
    ]

    @Test(
        "Interrupted in the middle, it drops its database and ends its processes", arguments: cases, [SIGINT, SIGTERM])
    func interrupted(what: Case, signal: Int32) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await EmbeddedPostgres.withServer(.init(isDurable: false)) { server in
            let program = try RealProgram(
                ["bench"] + what.arguments + ["--database", server.settings().conninfo], folder: folder,
                environment: ["TMPDIR": folder])
            try await program.during(endingWith: .exit(130)) {
                let name = try await eventually("the bench's database") {
                    try await Self.column(
                        "SELECT datname::text FROM pg_database WHERE datname LIKE 'settled\\_bench\\_%'", server)
                }
                _ = try await eventually("the measurement") {
                    try await Self.column("SELECT 'yes' WHERE (\(what.begun))", server, database: name)
                }
                program.send(signal)
                _ = await program.waitForEnd()
            }
            #expect(program.output.contains("interrupted"))
            let left = try await Self.column(
                "SELECT datname::text FROM pg_database WHERE datname LIKE 'settled\\_bench\\_%'", server)
            #expect(left == nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { $0.hasSuffix(".log") })
        #expect(Self.processes(about: folder) == [])
    }

    /// The first value; nil without a row, or while the database or the table is not there yet.
    private static func column(
        _ sql: String, _ server: EmbeddedPostgres, database: String = "postgres"
    ) async throws -> String? {
        let connection = Connection(server.settings(database: database))
        do {
            try await connection.connect()
            let text = try await connection.query(Statement("test.column", sql)).first?.text(0)
            await connection.close()
            return text
        } catch {
            await connection.close()
            return nil
        }
    }

    /// The command lines that name `folder`.
    private static func processes(about folder: String) -> [String] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return numbers.filter { Int($0) != nil }
            .compactMap { try? String(contentsOfFile: "/proc/\($0)/cmdline", encoding: .utf8) }
            .filter { $0.contains(folder) }
    }
}
