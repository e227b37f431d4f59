import Postgres
import Settlement

/// A notification in the database, by the name that `settled notifications` gives it.
struct StoredMessage: Sendable {
    let name: String
    /// Whether a number is looked for among the rejected ones too.
    let rejected: Bool

    private var isDigest: Bool { rejected || Int64(name) == nil }

    static func isName(_ name: String, rejected: Bool) -> Bool {
        !rejected && Int64(name) != nil || (8...64).contains(name.utf8.count) && name.allSatisfy(\.isHexDigit)
    }

    /// - Parameter reveal: notes in the audit log that its persons are shown.
    func fetch(_ configuration: ConfigurationOption, reveal: Bool, reason: String?) async throws -> CapturedMessage {
        try await DatabaseVisit.run(configuration) { pool in
            let message = try await isDigest ? rejected(pool) : delivery(pool)
            if reveal {
                try await pool.withConnection(DatabaseVisit.lane) { connection in
                    try await AuditLog.note(
                        actor: Operator.name(), action: "notification.reveal",
                        subject: (isDigest ? "rejected " : "delivery ") + name, reason: reason, on: connection)
                }
            }
            return message
        }
    }

    private func delivery(_ pool: Pool) async throws -> CapturedMessage {
        var filter = NotificationRecords.Filter()
        filter.id = Int64(name)
        guard let record = try await NotificationRecords(pool: pool).list(filter).first else {
            throw CommandFailure("there is no notification \(name)", .noneMatched)
        }
        return CapturedMessage(record)
    }

    private func rejected(_ pool: Pool) async throws -> CapturedMessage {
        let found = try await NotificationRecords(pool: pool)
            .rejected(source: nil, cause: nil, digest: name.lowercased(), limit: 2)
        guard let record = found.first else {
            throw CommandFailure("no rejected notification has a digest that begins with \(name)", .noneMatched)
        }
        guard found.count == 1 else {
            throw CommandFailure("several rejected notifications begin with \(name): give more digits", .usage)
        }
        return CapturedMessage(record)
    }
}
