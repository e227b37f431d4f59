import Subprocess
import Synchronization

/// A PostgreSQL server process with a guard: a shell that stops it when the pipe to this process closes.
final class GuardedServer: Sendable {
    private let stopping: AsyncStream<Void>.Continuation
    private let supervision: Task<String, any Error>
    private let ended = Flag()

    /// Starts `program` on `folder/data`; the folder is removed by the guard when the server has ended.
    init(_ program: String, _ folder: String, _ arguments: [String], _ account: ServerAccount) {
        let (stopped, stopping) = AsyncStream<Void>.makeStream()
        self.stopping = stopping
        let configuration = account.configuration(
            "/bin/sh", ["-c", Self.script, "settled-postgres", program, folder] + arguments, in: folder)
        supervision = Task { [ended] in
            defer { ended.set() }
            return try await Self.supervise(configuration, until: stopped)
        }
    }

    /// Whether the server has stopped, by itself or because it was told to.
    var hasEnded: Bool { ended.isSet }

    /// Stops the server, waits until it and its folder are gone, and returns the end of its log if it had failed.
    func stop() async -> String {
        stopping.finish()
        do {
            return try await supervision.value
        } catch {
            return "\(error)"
        }
    }

    /// `$1` the program, `$2` the folder, then the server's arguments.
    ///
    /// The server is stopped in the immediate mode, for nothing of it is kept. The guard's own standard input is the pipe;
    /// a background command would get /dev/null instead, hence descriptor 3.
    private static let script = """
        program=$1 folder=$2; shift 2
        exec 3<&0 </dev/null
        "$program" -D "$folder/data" "$@" >"$folder/log" 2>&1 3<&- &
        server=$!
        { while read -r line; do :; done; kill -QUIT "$server"; } <&3 >/dev/null 2>&1 &
        watch=$!
        wait "$server" || tail -n 20 "$folder/log"
        kill "$watch" 2>/dev/null
        cd /
        rm -rf "$folder"
        """

    private static func supervise(
        _ configuration: Configuration, until stopped: AsyncStream<Void>
    ) async throws -> String {
        let result = try await run(configuration, input: .inputWriter, output: .sequence, error: .discarded) {
            execution in
            try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask {
                    for await _ in stopped {}
                    try await execution.standardInputWriter.finish()
                    return nil
                }
                group.addTask {
                    // The guard's output ends with the guard, and holds the log's end if the server failed.
                    var log = ""
                    for try await line in execution.standardOutput.strings() { log += line + "\n" }
                    return log
                }
                for try await log in group {
                    if let log {
                        group.cancelAll()
                        return log
                    }
                }
                return ""
            }
        }
        return result.closureResult
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
