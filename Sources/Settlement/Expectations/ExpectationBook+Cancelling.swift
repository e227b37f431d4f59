import JobQueue
import Postgres

extension ExpectationBook {
    /// What became of an expectation that was to be cancelled.
    public struct Cancellation: Sendable, Hashable {
        public enum Result: String, Sendable, CaseIterable {
            case cancelled
            /// It was cancelled before.
            case unchanged
            /// It is fulfilled, and there is nothing to cancel.
            case fulfilled
        }

        public let id: Int64
        public let result: Result
    }

    static let lock = Statement(
        "expectations.lock",
        "SELECT id FROM settled.expectations WHERE id = ANY ($1::int8[]) ORDER BY id FOR UPDATE")
    static let states = Statement(
        "expectations.states",
        "SELECT id, state FROM settled.expectation_list WHERE id = ANY ($1::int8[]) ORDER BY id")
    static let cancel = Statement(
        "expectations.cancel",
        """
        UPDATE settled.expectations SET cancelled_at = now(), cancelled_by = $2, cancel_reason = $3, fulfilled_at = NULL
        WHERE id = ANY ($1::int8[])
        """)

    /// Expects no longer what `ids` say. A job that asks about one goes on: what it finds is settled as ever.
    ///
    /// - Parameters:
    ///   - actor: who does it and why, kept with each and in the audit log.
    ///   - isRehearsal: only says what would happen.
    /// - Returns: one for each expectation that there is, in the order of their ids.
    public func cancel(_ ids: [Int64], by actor: Actor, isRehearsal: Bool = false) async throws -> [Cancellation] {
        try await pool.transaction(FeedReader.lane) { tx in
            _ = try tx.query(Self.lock, [.int8Array(ids)])
            let found = try tx.query(Self.states, [.int8Array(ids)]).map { row in
                Cancellation(id: try row.int8("id"), result: .init(try ExpectationState(row)))
            }
            let open = found.filter { $0.result == .cancelled }.map(\.id)
            guard !isRehearsal, !open.isEmpty else { return found }
            _ = try tx.query(Self.cancel, [.int8Array(open), .text(actor.name), .text(actor.reason)])
            for id in open {
                try AuditLog.note(
                    actor: actor.name, action: "expectation.cancel", subject: "expectation \(id)",
                    reason: actor.reason, on: tx)
            }
            return found
        }
    }
}

extension ExpectationBook.Cancellation.Result {
    /// - Parameter state: what the expectation is in now.
    fileprivate init(_ state: ExpectationState) {
        switch state {
        case .waiting, .missing: self = .cancelled
        case .cancelled: self = .unchanged
        case .fulfilled: self = .fulfilled
        }
    }
}
