import ArgumentParser
import Postgres
import Settlement

/// `settled notifications`: what came in, verified or not.
struct NotificationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifications",
        abstract: "List and show notifications, verified and rejected ones, and verify the rejected again.",
        subcommands: [List.self, Show.self, NotificationsReverify.self])

    struct List: AsyncParsableCommand {
        enum Result: String, ExpressibleByArgument, CaseIterable, Sendable { case new, duplicate, quarantined }

        static let configuration = CommandConfiguration(
            abstract: "List deliveries, the newest first; ends with 3 when none match.",
            discussion:
                "With --rejected it lists what did not verify and was never acknowledged, one line for each body.")

        @Option(name: .long, help: "The source.")
        var source: String?
        @Option(name: .long, help: "new, duplicate or quarantined.")
        var result: Result?
        @Option(name: .long, help: "The trade number or token.")
        var subject: String?
        @Flag(name: .long, help: "List what was rejected.")
        var rejected = false
        @Option(name: .long, help: "Why it was rejected, such as bad_signature.")
        var cause: String?
        @OptionGroup var page: PageOptions
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if rejected, result != nil || subject != nil || page.before != nil {
                throw ValidationError("--rejected goes with --source, --cause and --limit")
            }
            if cause != nil, !rejected { throw ValidationError("--cause goes with --rejected") }
        }

        func run() async throws { try await rejected ? listRejected() : listVerified() }

        private func listVerified() async throws {
            var filter = NotificationRecords.Filter()
            filter.source = source
            filter.result = result?.rawValue
            filter.subject = subject
            filter.before = page.before
            filter.limit = Int64(page.limit)
            let records = try await DatabaseVisit.run(configuration) { [filter] pool in
                try await NotificationRecords(pool: pool).list(filter)
            }
            let listing = Listing<NotificationRecords.Record>(
                columns: [
                    .init("ID", .right), .init("RECEIVED"), .init("SOURCE"), .init("RESULT"), .init("SUBJECT"),
                    .init("JOB", .right), .init("FLAGS"),
                ],
                cells: { record in
                    [
                        String(record.id), record.receivedAt.local(), record.source, record.result, record.subject,
                        record.jobID.map { String($0) }, record.flags,
                    ]
                },
                json: \.line)
            try listing.print(
                records, "notifications", next: page.next(after: records.last?.id, count: records.count), output)
        }

        private func listRejected() async throws {
            let records = try await DatabaseVisit.run(configuration) { [source, cause, page] pool in
                try await NotificationRecords(pool: pool)
                    .rejected(source: source, cause: cause, limit: Int64(page.limit))
            }
            let listing = Listing<NotificationRecords.Rejected>(
                columns: [
                    .init("DIGEST"), .init("LAST"), .init("SOURCE"), .init("CAUSE"), .init("TIMES", .right),
                    .init("FROM"), .init("MESSAGE"),
                ],
                cells: { record in
                    [
                        String(record.digest.prefix(16)), record.lastAt.local(), record.source, record.cause,
                        String(record.times), record.remoteAddress, record.message,
                    ]
                },
                json: \.line)
            try listing.print(records, "rejected notifications", output)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one notification: how it was verified and what it says, persons masked.",
            discussion: """
                A number is the id of a verified delivery; anything else, or a number with --rejected, the first digits of a \
                rejected body's digest. --raw writes the body's bytes as they came, with persons: that is noted in the audit \
                log.
                """)

        @Argument(help: "The id, or the digest's beginning (at least 8 digits).")
        var id: String
        @Flag(name: .long, help: "Look among the rejected ones, also for a number.")
        var rejected = false
        @Flag(name: .long, help: "Write the raw body and nothing else.")
        var raw = false
        @Option(name: .long, help: "Why --raw is needed; kept in the audit log.")
        var reason: String?
        @OptionGroup var configuration: ConfigurationOption
        @OptionGroup var output: OutputOptions

        private var isDigest: Bool { rejected || Int64(id) == nil }

        func validate() throws {
            guard !isDigest || (8...64).contains(id.utf8.count) && id.allSatisfy(\.isHexDigit) else {
                throw ValidationError("a rejected notification is named by 8 to 64 hexadecimal digits")
            }
        }

        func run() async throws {
            let card = try await DatabaseVisit.run(configuration) { pool in
                let card = try await isDigest ? rejectedCard(pool) : verifiedCard(pool)
                if raw {
                    try await pool.withConnection(DatabaseVisit.lane) { connection in
                        try await AuditLog.note(
                            actor: Operator.name(), action: "notification.reveal", subject: card.name, reason: reason,
                            on: connection)
                    }
                }
                return card
            }
            if raw {
                StandardOutput.write(bytes: card.body)
            } else {
                StandardOutput.write(output.json ? card.line.line : card.text)
            }
        }

        private func verifiedCard(_ pool: Pool) async throws -> NotificationCard {
            var filter = NotificationRecords.Filter()
            filter.id = Int64(id)
            guard let record = try await NotificationRecords(pool: pool).list(filter).first else {
                throw CommandFailure("there is no notification \(id)", .noneMatched)
            }
            return NotificationCard(record)
        }

        private func rejectedCard(_ pool: Pool) async throws -> NotificationCard {
            let found = try await NotificationRecords(pool: pool)
                .rejected(source: nil, cause: nil, digest: id.lowercased(), limit: 2)
            guard let record = found.first else {
                throw CommandFailure("no rejected notification has a digest that begins with \(id)", .noneMatched)
            }
            guard found.count == 1 else {
                throw CommandFailure("several rejected notifications begin with \(id): give more digits", .usage)
            }
            return NotificationCard(record)
        }
    }
}
