import Foundation
import TestSupport
import Testing

@testable import settled

@Suite("settled feed", .database) struct FeedCommandTests {
    @Test func `a feed that keeps its promises is sound, and its items come in order`() async throws {
        let database = try TestDatabase.current
        #expect(try await ProgramRun.settled("feed", "tail").exitCode == 3)
        try await database.settle(5)
        try await database.sequence()
        let verified = try await ProgramRun.settled("feed", "verify", "--json")
        #expect(verified.exitCode == 0)
        #expect(try verified.objects().first?["items"] as? Int == 5)
        let tail = try await ProgramRun.settled("feed", "tail", "--after", "2")
        #expect(tail.exitCode == 0)
        #expect(try tail.objects().map { $0["seq"] as? Int } == [3, 4, 5])
        #expect(try await ProgramRun.settled("feed", "tail", "--after", "5").exitCode == 3)
    }

    @Test func `a changed payload is found, by the operator and by the reader`() async throws {
        try await expectFinding(
            """
            UPDATE settled.feed SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '10.21', '99.21'), 'UTF8')
            WHERE seq = 2
            """)
    }

    @Test func `a broken chain is found, by the operator and by the reader`() async throws {
        try await expectFinding("UPDATE settled.feed SET prev_hash = decode(repeat('00', 32), 'hex') WHERE seq = 3")
    }

    @Test func `a missing item is found, by the operator and by the reader`() async throws {
        try await expectFinding("DELETE FROM settled.feed WHERE seq = 2")
    }

    private func expectFinding(_ change: String) async throws {
        let database = try TestDatabase.current
        try await database.settle(4)
        try await database.sequence()
        try await database.execute("ALTER TABLE settled.feed DISABLE TRIGGER append_only; " + change)
        let verified = try await ProgramRun.settled("feed", "verify")
        #expect(verified.exitCode == 6)
        #expect(verified.output.contains("finding:"))
        #expect(try await ProgramRun.settled("feed", "tail").exitCode == 6)
    }

    @Test func `a settlement that nobody numbers is a finding, one of this moment is not`() async throws {
        let database = try TestDatabase.current
        try await database.settle(1)
        #expect(try await ProgramRun.settled("feed", "verify", "-q").exitCode == 0)
        try await database.execute(
            """
            ALTER TABLE settled.settlements DISABLE TRIGGER append_only;
            UPDATE settled.settlements SET confirmed_at = now() - interval '11 seconds'
            """)
        #expect(try await ProgramRun.settled("feed", "verify", "-q").exitCode == 6)
    }

    @Test func `a database that is away is 69, one without tables is 78, a server that is away is 69`() async throws {
        let away = ["SETTLED_DATABASE_URL": "host=127.0.0.1 port=1", "SETTLED_DATABASE_CONNECT_TIMEOUT": "200ms"]
        #expect(try await ProgramRun.settled("feed", "verify", environment: away).exitCode == 69)
        try await TestDatabase.current.execute("DROP SCHEMA settled CASCADE")
        let empty = try await ProgramRun.settled("jobs", "list")
        #expect(empty.exitCode == 78)
        #expect(empty.errors.contains("settled migrate up"))
        let token = ["SETTLED_TOKEN": "settled_x"]
        let http = try await ProgramRun.settled("feed", "tail", "--url", "http://127.0.0.1:1", environment: token)
        #expect(http.exitCode == 69)
        #expect(try await ProgramRun.settled("feed", "tail", "--url", "http://127.0.0.1:1").exitCode == 4)
        #expect(try await ProgramRun.settled("healthcheck", "--url", "http://127.0.0.1:1/readyz").exitCode == 1)
    }
}
