import Foundation
import Postgres

extension QueueSteps {
    /// Milliseconds from the call that enqueues to the start of the handler in a worker of another process, in the order of
    /// starting.
    func delays(_ count: Int, gap: Duration) async throws -> [Double] {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("settled-delays-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let worker = ["bench", "step", "worker", "--database", database.settings.conninfo, "--log", path]
        // The first jobs meet a worker that is still connecting; they are not counted.
        let first = 20
        try await AnotherProcess.running(worker) {
            try await send([(first, .milliseconds(100)), (count, gap)])
            try await Task.sleep(for: .seconds(1))
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.split(separator: "\n").compactMap { Double($0) }.dropFirst(first).map { $0 }
    }
}
