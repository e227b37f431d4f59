import Alipay
import Postgres

/// Keeps the answers that settled nothing, by day, for the person who asks why a job is where it is.
struct GatewayLogEntry: Sendable {
    let jobID: Int64
    let method: String
    /// What the answer was taken for: a failure's cause, or the trade's status.
    let verdict: String
    let code: String?
    let subCode: String?
    let signed: Bool
    let answer: [UInt8]?

    static let insert = Statement(
        "gateway_log.insert",
        """
        INSERT INTO settled.gateway_log (job_id, method, verdict, code, sub_code, signed, answer)
        SELECT * FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bytea[])
        """)

    static func write(_ entries: [GatewayLogEntry], in tx: isolated Connection) throws {
        guard !entries.isEmpty else { return }
        _ = try tx.query(
            insert,
            [
                .int8Array(entries.map(\.jobID)), .textArray(entries.map(\.method)), .textArray(entries.map(\.verdict)),
                .textArray(entries.map(\.code)), .textArray(entries.map(\.subCode)), .boolArray(entries.map(\.signed)),
                .byteaArray(entries.map(\.answer)),
            ])
    }
}
