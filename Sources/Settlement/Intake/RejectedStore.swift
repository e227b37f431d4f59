import Alipay
import Logging
import Postgres
import Synchronization
import Wire

/// Keeps what did not verify, capped, so that it can be verified again when a key has been mended.
///
/// Writes go over a lane of their own and only the sender of what was refused waits for them: a flood of forgeries cannot
/// queue before good notifications. What does not fit is dropped and counted.
final class RejectedStore: Sendable {
    static let insert = Statement(
        "rejected.insert",
        """
        INSERT INTO settled.rejected AS r
               (source, body_digest, cause, message, content_type, remote_address, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (source, body_digest) DO UPDATE SET times = r.times + 1, last_at = now()
        RETURNING times = 1 AS is_new
        """)
    static let usage = Statement(
        "rejected.usage",
        "SELECT source, sum(octet_length(body))::int8 AS bytes FROM settled.rejected GROUP BY source")
    static let prune = Statement(
        "rejected.prune",
        """
        DELETE FROM settled.rejected WHERE (source, body_digest) IN (
            SELECT source, body_digest FROM settled.rejected WHERE last_at < now() - $1::int8 * interval '1 second'
            ORDER BY last_at LIMIT 10000)
        """)

    private let pool: Pool
    private let lane: Lane
    /// Bytes kept for one source, at most.
    private let capacity: Int64
    private let logger: Logger

    private struct State {
        var used: [String: Int64] = [:]
        var writing = 0
        var dropped: Int64 = 0
    }
    private let state = Mutex(State())

    init(pool: Pool, lane: Lane, capacity: Int64 = 1 << 30, logger: Logger) {
        self.pool = pool
        self.lane = lane
        self.capacity = capacity
        self.logger = logger
    }

    /// How many rejected deliveries were not kept, since the start.
    var dropped: Int64 { state.withLock(\.dropped) }

    /// Keeps a rejected delivery, if there is room for it; returns when it is written or given up.
    func keep(_ delivery: Delivery, source: String, cause: String, message: String) async {
        let size = Int64(delivery.body.count)
        let admitted = state.withLock { state in
            guard state.writing < 64, state.used[source, default: 0] + size <= capacity else {
                state.dropped += 1
                return false
            }
            state.writing += 1
            // Reserved before it is written, so that many at once cannot pass the cap together.
            state.used[source, default: 0] += size
            return true
        }
        guard admitted else { return }
        var isNew = false
        defer {
            state.withLock { state in
                state.writing -= 1
                if !isNew { state.used[source, default: 0] -= size }
            }
        }
        do {
            let rows = try await pool.withConnection(lane, wait: .seconds(2)) { connection in
                try await connection.query(
                    Self.insert,
                    [
                        .text(source), .bytea(Digest.sha256(delivery.body)), .text(cause), .text(message),
                        .optional(Delivery.storable(delivery.contentType)),
                        .optional(Delivery.storable(delivery.remoteAddress)), .bytea(delivery.body),
                    ],
                    deadline: .seconds(5))
            }
            isNew = try rows.first?.bool("is_new") == true
        } catch {
            state.withLock { $0.dropped += 1 }
            logger.warning(
                "a rejected notification was not kept", metadata: ["source": "\(source)", "err.msg": "\(error)"])
        }
    }

    /// Reads how much is kept, and removes what is older than `age`.
    func tidy(olderThan age: Duration) async throws {
        let rows = try await pool.withConnection(lane) { connection in
            _ = try await connection.query(Self.prune, [.int8(age.components.seconds)])
            return try await connection.query(Self.usage)
        }
        var used: [String: Int64] = [:]
        for row in rows { used[try row.text("source")] = try row.int8("bytes") }
        state.withLock { $0.used = used }
    }
}
