import JobQueue
import Postgres

/// Writes a batch of verified deliveries with their jobs: all or none, in the caller's transaction or in one of its own.
enum DeliveryStore {
    /// One statement for the whole batch. Keys are inserted in digest order, or two lanes could deadlock. The second of two
    /// equal keys waits for the first one's commit, so its own commit comes later. `lead` marks the first delivery of each digest within
    /// the batch.
    static let insert = Statement(
        "intake.insert",
        """
        WITH input AS MATERIALIZED (
            SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[],
                                 $8::text[], $9::text[], $10::text[], $11::bool[], $12::text[], $13::text[], $14::text[],
                                 $15::text[])
                WITH ORDINALITY AS t (digest, source, body, content_type, remote_address, canonical_form, algorithm,
                                      key_fingerprint, flags, notify_id, lead, args, subject, cause, message, n)
        ), fresh AS (
            INSERT INTO settled.notification_keys (digest, job_id)
            SELECT digest, nextval('settled.jobs_id_seq') FROM input WHERE lead ORDER BY digest
            ON CONFLICT (digest) DO NOTHING
            RETURNING digest, job_id
        ), queued AS (
            INSERT INTO settled.jobs (id, queue, kind, args, subject, state, cause, message)
            OVERRIDING SYSTEM VALUE
            SELECT fresh.job_id, $16, $17, i.args::jsonb, i.subject,
                   CASE WHEN i.cause IS NULL THEN 'ready' ELSE 'quarantined' END, i.cause, i.message
            FROM fresh JOIN input i USING (digest) WHERE i.lead
        ), stored AS (
            INSERT INTO settled.deliveries (source, digest, result, body, content_type, remote_address, canonical_form,
                                            algorithm, key_fingerprint, flags, notify_id)
            SELECT i.source, i.digest,
                   CASE WHEN f.digest IS NULL OR NOT i.lead THEN 'duplicate'
                        WHEN i.cause IS NOT NULL THEN 'quarantined' ELSE 'new' END,
                   i.body, i.content_type, i.remote_address, i.canonical_form, i.algorithm, i.key_fingerprint, i.flags,
                   i.notify_id
            FROM input i LEFT JOIN fresh f USING (digest)
        )
        SELECT i.n, CASE WHEN f.digest IS NULL OR NOT i.lead THEN 'duplicate'
                         WHEN i.cause IS NOT NULL THEN 'quarantined' ELSE 'new' END AS result
        FROM input i LEFT JOIN fresh f USING (digest)
        """)

    /// Inserts `batch` and tells for each delivery, in its order, whether it was new.
    static func insert(_ batch: [StoredDelivery], in tx: isolated Connection, deadline: Duration) throws
        -> [Receipt.Result]
    {
        var seen: Set<[UInt8]> = []
        let leads = batch.map { seen.insert($0.digest).inserted }
        let rows = try tx.query(
            insert,
            [
                .byteaArray(batch.map(\.digest)), .textArray(batch.map(\.source)),
                .byteaArray(batch.map(\.delivery.body)), .textArray(batch.map(\.delivery.contentType)),
                .textArray(batch.map(\.delivery.remoteAddress)), .textArray(batch.map(\.canonicalForm)),
                .textArray(batch.map(\.algorithm)), .textArray(batch.map(\.keyFingerprint)),
                .textArray(batch.map(\.flags)), .textArray(batch.map(\.notifyID)), .boolArray(leads),
                .textArray(batch.map(\.job.args)), .textArray(batch.map(\.job.subject)),
                .textArray(batch.map(\.job.quarantine?.cause)), .textArray(batch.map(\.job.quarantine?.message)),
                .text(PayResultJob.queue), .text(PayResultJob.kind),
            ],
            deadline: deadline)
        var results = [Receipt.Result?](repeating: nil, count: batch.count)
        for row in rows {
            let position = Int(try row.int8("n")) - 1
            guard results.indices.contains(position), let result = Receipt.Result(rawValue: try row.text("result"))
            else {
                throw IntakeError.incompleteVerdict
            }
            results[position] = result
        }
        return try results.map { result throws(IntakeError) in
            guard let result else { throw .incompleteVerdict }
            return result
        }
    }
}

/// A batch whose verdicts could not be read although it was written; nothing of it is acknowledged.
enum IntakeError: Error {
    case incompleteVerdict
}
