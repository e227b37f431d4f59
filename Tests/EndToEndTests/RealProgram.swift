import Foundation
import Glibc
import Synchronization
import Testing

/// `settled` itself as a child process: the binary that was built beside this test bundle.
final class RealProgram: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How a process ended.
    enum End: Sendable, Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    let pid: Int32
    private let log: String
    private let end = Mutex<(End?, [CheckedContinuation<End, Never>])>((nil, []))

    /// The binary, found from where this process was started.
    static func path() throws -> String {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("settled").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Failure(description: "there is no \(path): build it with `swift build --build-tests`")
        }
        return path
    }

    /// Starts the program with its standard error in a file of its own under `folder`.
    init(_ arguments: [String], folder: String, environment: [String: String] = [:], executable: String? = nil) throws {
        log = folder + "/\(UUID().uuidString).log"
        guard FileManager.default.createFile(atPath: log, contents: nil), let output = FileHandle(forWritingAtPath: log)
        else { throw Failure(description: "\(log) cannot be written") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try executable ?? Self.path())
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin", "TZ": "UTC"].merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        let (ended, finish) = AsyncStream.makeStream(of: End.self)
        process.terminationHandler = { process in
            let end: End =
                process.terminationReason == .uncaughtSignal
                ? .signal(process.terminationStatus) : .exit(process.terminationStatus)
            finish.yield(end)
            finish.finish()
        }
        try process.run()
        pid = process.processIdentifier
        Task { [self] in
            for await value in ended {
                let waiting = end.withLock { state in
                    defer { state = (value, []) }
                    return state.1
                }
                for continuation in waiting { continuation.resume(returning: value) }
            }
        }
    }

    var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    var hasEnded: Bool { end.withLock { $0.0 != nil } }

    func waitForEnd() async -> End {
        await withCheckedContinuation { continuation in
            let value = end.withLock { state -> End? in
                if state.0 == nil { state.1.append(continuation) }
                return state.0
            }
            if let value { continuation.resume(returning: value) }
        }
    }

    func send(_ signal: Int32) { kill(pid, signal) }

    /// Ends the program the hard way if a test left it running.
    func reap() async {
        if !hasEnded {
            send(SIGCONT)
            send(SIGKILL)
        }
        _ = await waitForEnd()
    }

    /// Does work while this program runs, then ends it as an operator would, unless the work has ended it; when the work
    /// fails, the program does not outlive it.
    func during<T>(endingWith expected: End = .exit(0), _ work: () async throws -> T) async throws -> T {
        do {
            let value = try await work()
            await end(with: expected)
            return value
        } catch {
            await reap()
            throw error
        }
    }

    /// Does work that adds each program it starts, then ends them all likewise.
    static func several(_ work: (inout [RealProgram]) async throws -> Void) async throws {
        var programs: [RealProgram] = []
        do {
            try await work(&programs)
            for program in programs { await program.end(with: .exit(0)) }
        } catch {
            for program in programs { await program.reap() }
            throw error
        }
    }

    private func end(with expected: End) async {
        if !hasEnded { send(SIGTERM) }
        let end = await waitForEnd()
        #expect(end == expected, "\(output.suffix(600))")
    }

    /// The addresses that the program logged when it was listening.
    func addresses() async throws -> (notify: String, admin: String) {
        let found = try await eventually("the program to listen") { () -> (String, String)? in
            guard !self.hasEnded else {
                throw Failure(description: "the program ended before it listened:\n\(self.output)")
            }
            guard let line = self.output.split(separator: "\n").first(where: { $0.contains("\"listening\"") }) else {
                return nil
            }
            let json = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let admin = json?["admin"] as? String else { return nil }
            return (json?["notify"] as? String ?? "", admin)
        }
        return (notify: found.0, admin: found.1)
    }
}

/// Asks again until there is an answer; a minute is the most that any of these tests waits.
func eventually<T: Sendable>(
    _ what: String, within limit: Duration = .seconds(90), _ ask: () async throws -> T?
) async throws -> T {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if let value = try await ask() { return value }
        try await Task.sleep(for: .milliseconds(50))
    }
    throw RealProgram.Failure(description: "waited in vain for \(what)")
}
