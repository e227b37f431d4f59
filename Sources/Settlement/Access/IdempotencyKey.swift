import Postgres

/// A caller's key came again with another request.
public struct IdempotencyKeyReused: Error, Sendable {}

/// Remembers answers by the key that the caller chose, in the transaction of what was asked.
enum IdempotencyKey {
    static let expire = Statement(
        "idempotency.expire",
        """
        DELETE FROM settled.idempotency_keys WHERE (token_id, key) IN (
            SELECT token_id, key FROM settled.idempotency_keys WHERE created_at < now() - interval '1 day'
            ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
        """)
    /// A second request with the same key waits here until the first has committed or failed.
    static let take = Statement(
        "idempotency.take",
        """
        INSERT INTO settled.idempotency_keys (token_id, key, request) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING RETURNING key
        """)
    static let find = Statement(
        "idempotency.find", "SELECT request, answer FROM settled.idempotency_keys WHERE token_id = $1 AND key = $2")
    static let keep = Statement(
        "idempotency.keep", "UPDATE settled.idempotency_keys SET answer = $3 WHERE token_id = $1 AND key = $2")

    /// The answer that the key stands for, or nil when it is new and this transaction has it now.
    static func take(_ key: String, token: Int64, for request: [UInt8], in tx: isolated Connection) throws -> [UInt8]? {
        _ = try tx.query(expire)
        if try !tx.query(take, [.int8(token), .text(key), .bytea(request)]).isEmpty { return nil }
        guard let row = try tx.query(find, [.int8(token), .text(key)]).first else {
            throw PostgresError(.server, "an idempotency key expired while it was looked up", isTransient: true)
        }
        guard try row.bytea("request") == request else { throw IdempotencyKeyReused() }
        return try row.byteaOrNil("answer") ?? []
    }

    static func keep(_ answer: [UInt8], for key: String, token: Int64, in tx: isolated Connection) throws {
        _ = try tx.query(keep, [.int8(token), .text(key), .bytea(answer)])
    }
}
