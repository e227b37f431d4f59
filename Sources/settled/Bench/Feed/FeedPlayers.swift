import Foundation
import Postgres
import Settlement
import SystemPackage

/// Readers of the feed, each kind in a process of its own, with a token that was made for them.
struct FeedPlayers: Sendable {
    private let folder: FilePath
    private let port: Int
    private var token: FilePath { folder.appending("token") }

    init(scene: BenchScene, service: BenchScene.Service, database: DatabaseUnderBench) async throws {
        folder = scene.folder
        port = service.port
        let pool = Pool(database.settings, lanes: [TokenStore.lane: 1], logger: database.logger)
        let made: Result<String, any Error>
        do {
            made = .success(try await TokenStore(pool: pool).create(name: "bench", scope: .read, actor: "bench").text)
        } catch { made = .failure(error) }
        await pool.close()
        let file = try FileDescriptor.open(
            token, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        let text = try made.get()
        try file.closeAfter { _ = try file.writeAll(Array(text.utf8)) }
    }

    /// All items after `after`, page by page.
    func export(after: Int) async throws -> ExportOutcome {
        let output = try await AnotherProcess.output(of: arguments("pages", after: after))
        return try JSONDecoder().decode(ExportOutcome.self, from: Data(output))
    }

    /// Keeps `readers` long polls open for as long as `body` takes.
    func idle<T: Sendable>(
        _ readers: Int, after: Int, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        guard readers > 0 else { return try await body() }
        return try await AnotherProcess.running(
            arguments("idle", after: after, ["--readers", "\(readers)"]), log: folder.appending("idle.log")
        ) { process in
            try await Self.ready(process)
            let value = try await body()
            guard !process.hasEnded else { throw CommandFailure("the waiting readers did not wait to the end") }
            return value
        }
    }

    /// Microseconds since 1970 at which one reader had each of the `count` items after `after`, which `body` causes.
    func follow(
        after: Int, count: Int, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> [Int64] {
        struct Arrivals: Decodable { var arrivals: [Int64] }
        return try await AnotherProcess.running(
            arguments("follow", after: after, ["--until", "\(after + count)"]), log: folder.appending("follow.log")
        ) { process in
            try await Self.ready(process)
            try await body()
            return try await process.line("the reader to have all items") { line in
                try? JSONDecoder().decode(Arrivals.self, from: Data(line.utf8)).arrivals
            }
        }
    }

    private static func ready(_ process: AnotherProcess) async throws {
        try await process.line("the readers to ask") { $0 == FeedReading.ready ? () : nil }
    }

    private func arguments(_ manner: String, after: Int, _ more: [String] = []) -> [String] {
        ["bench", "read", manner, "--port", "\(port)", "--token-file", token.string, "--after", "\(after)"] + more
    }
}

extension DatabaseUnderBench {
    /// How far the server's clock is ahead of this machine's, in microseconds: read in the middle of the shortest of some round
    /// trips. Times of both stand beside each other, and the server may be another machine.
    func clockAhead() async throws -> Double {
        try await withConnection { connection in
            var best: (took: Int64, ahead: Double) = (.max, 0)
            for _ in 0..<9 {
                let before = Timestamp.now().unixMicroseconds
                guard let there = try await connection.query(Self.clock).first?.int8(0) else { continue }
                let after = Timestamp.now().unixMicroseconds
                if after - before < best.took {
                    best = (after - before, Double(there) - Double(before + after) / 2)
                }
            }
            return best.ahead
        }
    }

    private static let clock = Statement(
        "bench.clock", "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8")
}
