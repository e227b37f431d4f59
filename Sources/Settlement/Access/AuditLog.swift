import Postgres

/// What people did that no other record keeps: who, what, to what, why. Append-only.
public enum AuditLog {
    public static func note(
        actor: String, action: String, subject: String, reason: String? = nil, on connection: isolated Connection
    ) throws(PostgresError) {
        _ = try connection.query(
            TokenStore.audit, [.text(actor), .text(action), .text(subject), .optional(reason)])
    }
}
