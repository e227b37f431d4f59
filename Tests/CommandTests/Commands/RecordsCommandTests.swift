import Alipay
import Foundation
import Postgres
import Settlement
import TestSupport
import Testing
import Wire

@testable import settled

@Suite("settled settlements, notifications, tokens, queues", .database) struct RecordsCommandTests {
    @Test func `settlements are found by what people know of them`() async throws {
        try await TestDatabase.current.settle(3)
        let cases: [([String], [String])] = [
            (["--trade-no", "T2"], ["T2"]), (["--bill", "WY3"], ["T3"]), (["--community", "C1"], ["T3", "T1"]),
            (["--seller", "nobody"], []), (["--limit", "1"], ["T3"]), (["--community", "C1", "--bill", "WY1"], ["T1"]),
            (["--before", "3"], ["T2", "T1"]),
        ]
        for (filter, trades) in cases {
            let run = try await ProgramRun.settled(arguments: ["settlements", "list", "--json"] + filter)
            let found = try run.objects().map { ($0["settlement"] as? [String: Any])?["trade_no"] as? String }
            #expect(found == trades, "\(filter)")
            #expect(run.exitCode == (trades.isEmpty ? 3 : 0), "\(filter)")
        }
    }

    @Test func `a settlement is shown by id or trade, with lines, and persons masked`() async throws {
        try await TestDatabase.current.settle(1)
        for name in ["1", "T1"] {
            let run = try await ProgramRun.settled("settlements", "show", name)
            #expect(run.exitCode == 0)
            #expect(run.output.contains("10.21 CNY") && run.output.contains("WY1") && run.output.contains("物业费"))
            #expect(run.output.contains("2088****9012") && run.output.contains("7***"))
            #expect(!run.output.contains("2088123456789012") && !run.output.contains("101室"))
        }
        #expect(try await ProgramRun.settled("settlements", "show", "T9").exitCode == 3)
    }

    @Test func `a token is printed alone and once, works by its digest, and can be ended once`() async throws {
        let run = try await ProgramRun.settled("tokens", "create", "--scope", "read", "--name", "账单系统")
        #expect(run.exitCode == 0)
        let text = try #require(run.lines.first)
        #expect(run.output == text + "\n")
        let digest = Digest.hex(Digest.sha256(Array(text.utf8)))
        #expect(
            try await TestDatabase.current.value("SELECT encode(digest, 'hex') FROM settled.tokens") == digest)
        let list = try await ProgramRun.settled("tokens", "list")
        #expect(list.output.contains("账单系统"))
        #expect(!list.output.contains(text))
        #expect(try await ProgramRun.settled("tokens", "revoke", "1").exitCode == 0)
        #expect(try await ProgramRun.settled("tokens", "revoke", "1").exitCode == 3)
        #expect(
            try await TestDatabase.current.value("SELECT string_agg(action, ' ' ORDER BY id) FROM settled.audit_log")
                == "token.create token.revoke")
    }

    @Test func `a queue is paused by name, with a reason, and a name that does not exist is no queue`() async throws {
        let database = try TestDatabase.current
        #expect(try await ProgramRun.settled("queues", "pause", "pay-results", "--reason", "夜间").exitCode == 0)
        #expect(try await database.value("SELECT reason FROM settled.queues WHERE paused") == "夜间")
        let list = try await ProgramRun.settled("queues", "list", "--json").objects()
        #expect(list.first?["paused"] as? Bool == true)
        #expect(try await ProgramRun.settled("queues", "resume", "pay-results", "--reason", "ok").exitCode == 0)
        #expect(try await database.value("SELECT count(*)::text FROM settled.queues WHERE paused") == "0")
        #expect(try await ProgramRun.settled("queues", "pause", "pay-result", "--reason", "x").exitCode == 3)
    }

    private static let body =
        "trade_no=T1&buyer_user_id=2088123456789012&body=R1%7CC1%7C7%E5%8F%B7%E6%A5%BC-101%E5%AE%A4&charset=utf-8"

    @Test func `a notification is shown decoded and masked; its raw body is exact and the look is audited`()
        async throws
    {
        let database = try TestDatabase.current
        try await database.execute(
            """
            INSERT INTO settled.deliveries (source, digest, result, body, canonical_form, algorithm, key_fingerprint)
            VALUES ('cplife', decode(repeat('ab', 32), 'hex'), 'new', '\(Self.body)', 'V2', 'RSA2', 'k')
            """)
        let shown = try await ProgramRun.settled("notifications", "show", "1")
        #expect(shown.exitCode == 0)
        #expect(shown.output.contains("2088****9012") && shown.output.contains("R1|C1|7***"))
        #expect(!shown.output.contains("2088123456789012") && !shown.output.contains("101室"))
        #expect(try await database.value("SELECT count(*)::text FROM settled.audit_log") == "0")
        let raw = try await ProgramRun.settled("notifications", "show", "1", "--raw", "--reason", "投诉")
        #expect(raw.output == Self.body)
        #expect(
            try await database.value("SELECT subject || ': ' || reason FROM settled.audit_log") == "delivery 1: 投诉")
        #expect(try await ProgramRun.settled("notifications", "show", "2").exitCode == 3)
        #expect(try await ProgramRun.settled("notifications", "list", "--result", "new").exitCode == 0)
        #expect(try await ProgramRun.settled("notifications", "list", "--result", "duplicate").exitCode == 3)
    }

    @Test func `a rejected notification is found by the beginning of its digest`() async throws {
        try await TestDatabase.current.execute(
            """
            INSERT INTO settled.rejected (source, body_digest, cause, message, body) VALUES
            ('cplife', decode('12345678' || repeat('00', 28), 'hex'), 'bad_signature', 'none', 'a=1'),
            ('cplife', decode('12345678' || repeat('ff', 28), 'hex'), 'bad_escape', 'none', 'a=%2');
            """)
        let list = try await ProgramRun.settled(
            "notifications", "list", "--rejected", "--cause", "bad_escape", "--json")
        #expect(list.lines.count == 1)
        let both = try await ProgramRun.settled("notifications", "show", "12345678", "--rejected")
        #expect(both.exitCode == 2)
        #expect(both.errors.contains("more digits"))
        let one = try await ProgramRun.settled("notifications", "show", "12345678FF", "--rejected", "--raw")
        #expect(one.output == "a=%2")
        #expect(try await ProgramRun.settled("notifications", "show", "deadbeef").exitCode == 3)
    }
}
