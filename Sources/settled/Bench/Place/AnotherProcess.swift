import Foundation
import Glibc
import Subprocess
import SystemPackage

/// This program once more, as a process of its own: what is measured, or a player that must not share its threads.
struct AnotherProcess: Sendable {
    let pid: Int32
    /// Where its standard output and error go.
    private let log: FilePath?

    /// Runs `settled` with `arguments` for as long as `body` takes, and ends it with SIGTERM.
    static func running<T: Sendable>(
        _ arguments: [String], _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await run(arguments, output: .discarded, error: .discarded, log: nil) { _ in try await body() }
    }

    /// The same, with everything that it says in a file that `body` may wait on.
    static func running<T: Sendable>(
        _ arguments: [String], log: FilePath, _ body: @escaping @Sendable (AnotherProcess) async throws -> T
    ) async throws -> T {
        let file = try FileDescriptor.open(
            log, .writeOnly, options: [.create, .truncate, .append, .closeOnExec], permissions: .ownerReadWrite)
        defer { try? file.close() }
        let output = FileDescriptorOutput.fileDescriptor(file, closeAfterSpawningProcess: false)
        return try await run(arguments, output: output, error: output, log: log, body)
    }

    private static func run<Output: OutputProtocol, T: Sendable>(
        _ arguments: [String], output: Output, error: some ErrorOutputProtocol, log: FilePath?,
        _ body: @escaping @Sendable (AnotherProcess) async throws -> T
    ) async throws -> T {
        let program = try FilePath("/proc/self/exe").resolved
        let result = try await Subprocess.run(
            .path(program), arguments: Arguments(arguments), environment: environment, input: .none, output: output,
            error: error
        ) { execution in
            let result: Result<T, any Error>
            do {
                let process = AnotherProcess(pid: execution.processIdentifier.value, log: log)
                result = .success(try await body(process))
            } catch { result = .failure(error) }
            // It may have ended by itself, which is for `body` to notice.
            try? execution.send(signal: .terminate)
            return try result.get()
        }
        return result.closureResult
    }

    /// Without this program's own variables: SETTLED_DATABASE_URL stands above the configuration, so that a measurement would
    /// write into whatever database it names.
    private static var environment: Environment {
        var removed: [Environment.Key: String?] = [:]
        for name in ProcessInfo.processInfo.environment.keys where name.hasPrefix("SETTLED_") {
            removed[.init(stringLiteral: name)] = .some(nil)
        }
        return .inherit.updating(removed)
    }

    /// What it prints when it does one thing and ends.
    static func output(of arguments: [String]) async throws -> [UInt8] {
        let program = try FilePath("/proc/self/exe").resolved
        let result = try await Subprocess.run(
            .path(program), arguments: Arguments(arguments), environment: environment, input: .none,
            output: .bytes(limit: 16 << 20), error: .string(limit: 64 * 1024))
        guard result.terminationStatus.isSuccess else {
            throw CommandFailure(
                "settled \(arguments.prefix(2).joined(separator: " ")) failed: "
                    + (result.standardError.split(separator: "\n").last.map(String.init) ?? "without a word"))
        }
        return result.standardOutput
    }

    // MARK: Watching

    /// The first line that it printed and `find` takes; waited for, for a minute at most.
    func line<T>(_ what: String, _ find: (Substring) -> T?) async throws -> T {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            let hasEnded = hasEnded
            for line in text.split(separator: "\n") { if let found = find(line) { return found } }
            if hasEnded { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        let last = text.split(separator: "\n").last.map(String.init) ?? "nothing"
        throw CommandFailure("waited in vain for \(what); its last word was: \(last)")
    }

    private var text: String { log.flatMap { try? String(contentsOfFile: $0.string, encoding: .utf8) } ?? "" }

    /// The fields of /proc/PID/stat behind the name, from `state` on (proc(5)).
    private var stat: [Substring] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.split(separator: " ") ?? []
    }

    /// It is not collected before the end of `running`, so its number is nobody else's meanwhile.
    var hasEnded: Bool { stat.first.map { $0 == "Z" } ?? true }

    /// Of the processor, in user and kernel mode, of all its threads, so far.
    var cpuSeconds: Double {
        let ticks = stat.dropFirst(11).prefix(2).compactMap { Double($0) }.reduce(0, +)
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

extension FilePath {
    /// Where the symbolic link leads; the file may be replaced while this process runs.
    fileprivate var resolved: FilePath {
        get throws {
            try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
                guard let start = buffer.baseAddress else { return self }
                let count = withPlatformString { readlink($0, start, buffer.count) }
                guard count > 0 else { throw Errno(rawValue: errno) }
                return FilePath(
                    String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
        }
    }
}
