import Foundation
import Postgres
import TestSupport

/// The built program, run once to its end as a person or a script would run it, with no terminal anywhere.
struct ProgramRun: Sendable {
    let exitCode: Int32
    let output: String
    let errors: String

    /// The lines of standard output.
    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// Standard output as JSON, one object a line.
    func objects() throws -> [[String: Any]] {
        try lines.map { line in
            guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                throw Failure(description: "no JSON object: \(line)")
            }
            return object
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs `settled` with the database of the test that runs now, if it has one.
    static func settled(_ arguments: String..., environment: [String: String] = [:]) async throws -> ProgramRun {
        try await settled(arguments: arguments, environment: environment)
    }

    @concurrent
    static func settled(arguments: [String], environment: [String: String] = [:]) async throws -> ProgramRun {
        var variables = ["PATH": "/usr/bin:/bin", "TZ": "Asia/Shanghai", "USER": "tester"]
        if let database = try? TestDatabase.current { variables["SETTLED_DATABASE_URL"] = database.settings.conninfo }
        return try await run(arguments, environment: variables.merging(environment) { $1 })
    }

    private static func run(_ arguments: [String], environment: [String: String]) async throws -> ProgramRun {
        let folder = try SettingsFolder(["out": "", "err": ""])
        let process = Process()
        process.executableURL = try program()
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/out")
        process.standardError = FileHandle(forWritingAtPath: folder.path + "/err")
        let (ended, finish) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { finish.yield($0.terminationStatus) }
        try process.run()
        for await code in ended {
            return ProgramRun(
                exitCode: code, output: try String(contentsOfFile: folder.path + "/out", encoding: .utf8),
                errors: try String(contentsOfFile: folder.path + "/err", encoding: .utf8))
        }
        throw CancellationError()
    }

    /// It is built beside this test bundle.
    private static func program() throws -> URL {
        let runner = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let url = URL(fileURLWithPath: runner).deletingLastPathComponent().appendingPathComponent("settled")
        guard FileManager.default.isExecutableFile(atPath: url.path) else {
            throw Failure(description: "there is no \(url.path): build it with `swift build`")
        }
        return url
    }
}
