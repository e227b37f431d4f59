import Postgres
import Synchronization
import SystemPackage
import Wire

/// The same bytes as notifications, one row and one commit each, with nothing verified: the limit of intake.
struct BareIntake: Sendable {
    let database: DatabaseUnderBench

    /// Rows a second, with `clients` connections that each insert one after the other.
    func inserted(_ scene: BenchScene, clients: Int) async throws -> Double {
        let bodies = try Lines(file: scene.bodies.string, first: 0, count: scene.count)
        let pool = Pool(database.settings, lanes: ["bench": clients], logger: database.logger)
        let turn = Atomic(0)
        let result: Result<Double, any Error>
        do {
            // Connecting is no part of it.
            try await inEachOf(clients, pool) { _ in }
            let start = ContinuousClock.now
            try await inEachOf(clients, pool) { connection in
                while case let index = turn.add(1, ordering: .relaxed).oldValue, index < bodies.count {
                    try Task.checkCancellation()
                    let body = Array(bodies[index])
                    _ = try await connection.query(Self.insert, [.bytea(Digest.sha256(body)), .bytea(body)])
                }
            }
            result = .success(Double(bodies.count) / (start.duration(to: .now) / .seconds(1)))
        } catch { result = .failure(error) }
        await pool.close()
        return try result.get()
    }

    private func inEachOf(
        _ clients: Int, _ pool: Pool, _ body: @escaping @Sendable (Connection) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<clients {
                tasks.addTask { @concurrent in
                    try await pool.withConnection("bench", wait: .seconds(60)) { try await body($0) }
                }
            }
            try await tasks.waitForAll()
        }
    }

    private static let insert = Statement(
        "bench.insert_one",
        """
        INSERT INTO settled.deliveries (source, digest, result, body, canonical_form, algorithm, key_fingerprint)
        VALUES ('bench', $1, 'new', $2, 'V2', 'RSA2', 'k')
        """)
}
