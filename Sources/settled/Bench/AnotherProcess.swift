import Glibc
import Subprocess
import SystemPackage

/// This program once more, as a process of its own: a player of a benchmark that must not share the measured one's threads.
enum AnotherProcess {
    /// Runs `settled` with `arguments` for as long as `body` takes, and ends it with SIGTERM.
    static func running<T: Sendable>(
        _ arguments: [String], _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let program = try FilePath("/proc/self/exe").resolved
        let result = try await Subprocess.run(
            .path(program), arguments: Arguments(arguments), input: .none, output: .discarded, error: .discarded
        ) { execution in
            let result: Result<T, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            try execution.send(signal: .terminate)
            return try result.get()
        }
        return result.closureResult
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
