import JobQueue
import Postgres
import TestSupport

@testable import Settlement

/// What the tests of expectations share: the terms of the test house, and short ways to expect something.
enum ExpectationHouse {
    static let terms = ExpectationTerms(
        apps: [TestHouse.appID: nil], merchants: TestHouse.merchants, grace: .seconds(600))

    static func trade(_ number: String, wait: Duration = .zero, seller: String? = nil) -> Expected {
        .payment(.init(.tradeNo(number), appID: TestHouse.appID, sellerID: seller, wait: wait))
    }

    static func token(_ token: String, wait: Duration = .zero) -> Expected {
        .payment(.init(.queryToken(token), appID: TestHouse.appID, wait: wait))
    }

    static func bill(_ id: String, community: String = "C1", due: String = "2026-03-31", fen: Int64? = nil) throws
        -> Expected
    {
        try Expected(
            [
                .billEntryID: id, .communityID: community, .due: due,
                .amount: fen.map { "\($0 / 100).\($0 % 100 < 10 ? "0" : "")\($0 % 100)" },
            ].compactMapValues { $0 }, terms)
    }

    @discardableResult
    static func add(_ expectations: [Expected], _ pool: Pool) async throws -> [ExpectationBook.Entry] {
        try await ExpectationBook(pool: pool).add(expectations, by: "test")
    }

    /// Adds them one by one, so that their ids are in this order.
    @discardableResult
    static func addInTurn(_ expectations: [Expected], _ pool: Pool) async throws -> [ExpectationBook.Entry] {
        var entries: [ExpectationBook.Entry] = []
        for expectation in expectations { entries += try await add([expectation], pool) }
        return entries
    }

    static func sweep(
        _ pool: Pool, batch: Int = 500, retention: Duration = .seconds(90 * 86_400)
    ) throws -> ExpectationSweep {
        ExpectationSweep(
            pool: pool,
            keyring: Keyring(Credentials(merchants: TestHouse.merchants, sources: [try TestHouse.source()])),
            retention: retention, batch: batch, logger: TestHouse.logger)
    }

    /// Every expectation's name and state, in the order in which they were added.
    static func states(_ pool: Pool) async throws -> [String] {
        var filter = ExpectationRecords.Filter()
        filter.limit = 1000
        return try await ExpectationRecords(pool: pool).list(filter).reversed()
            .map { "\($0.subject) \($0.state.rawValue)" }
    }

    /// Has the sweep look at everything again, as if its time had come.
    static func makeDue() async throws {
        try await TestDatabase.current.execute(
            "UPDATE settled.expectations SET next_look_at = now() WHERE due_at <= now()")
    }
}
