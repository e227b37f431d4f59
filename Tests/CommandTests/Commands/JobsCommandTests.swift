import Foundation
import JobQueue
import TestSupport
import Testing

@testable import settled

@Suite("settled jobs", .database) struct JobsCommandTests {
    @Test func `an empty list ends with 3, and pages go from the newest to the oldest without overlap`() async throws {
        let none = try await ProgramRun.settled("jobs", "list")
        #expect(none.exitCode == 3)
        #expect(none.output.isEmpty)
        let ids = try await TestDatabase.current.enqueue(5)
        let first = try await ProgramRun.settled("jobs", "list", "--json", "--limit", "3")
        #expect(first.exitCode == 0)
        #expect(try first.objects().map { $0["id"] as? Int64 } == ids.reversed().prefix(3).map { $0 })
        #expect(first.errors.contains("--before \(ids[2])"))
        let second = try await ProgramRun.settled("jobs", "list", "--json", "--limit", "3", "--before", "\(ids[2])")
        #expect(try second.objects().map { $0["id"] as? Int64 } == [ids[1], ids[0]])
        #expect(!second.errors.contains("--before"))
    }

    @Test func `all conditions hold together`() async throws {
        try await TestDatabase.current.enqueue(3, quarantined: true)
        let cases: [([String], Int)] = [
            (["--subject", "T2"], 1), (["--state", "quarantined"], 3), (["--state", "ready"], 0),
            (["--cause", "by_hand", "--kind", "pay_result", "--queue", "pay-results"], 3), (["--kind", "other"], 0),
        ]
        for (filter, count) in cases {
            let run = try await ProgramRun.settled(arguments: ["jobs", "list", "--json"] + filter)
            #expect(run.lines.count == count, "\(filter)")
            #expect(run.exitCode == (count == 0 ? 3 : 0), "\(filter)")
        }
    }

    @Test func `what outsiders wrote cannot steer the terminal, in tables as in JSON`() async throws {
        try await TestDatabase.current.enqueue(1, quarantined: true, message: "见\u{1B}[2J\u{9B}31m证")
        for arguments in [["jobs", "list"], ["jobs", "list", "--json"], ["jobs", "show", "1"]] {
            let run = try await ProgramRun.settled(arguments: arguments)
            #expect(run.exitCode == 0)
            #expect(run.output.contains("见") && run.output.contains("证"))
            #expect(!run.output.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{9B}" })
        }
    }

    @Test func `several are replayed only with a word of agreement, and who and why is kept`() async throws {
        let database = try TestDatabase.current
        let ids = try await database.enqueue(3, quarantined: true)
        try await database.settle(1)
        let asked = try await ProgramRun.settled("jobs", "replay", "--state", "quarantined", "--reason", "mended")
        #expect(asked.exitCode == 2)
        #expect(asked.errors.contains("30.63 CNY") && asked.errors.contains("1 of the trades are settled already"))
        #expect(asked.errors.contains("--yes"))
        let dry = try await ProgramRun.settled("jobs", "replay", "--state", "quarantined", "--dry-run")
        #expect(dry.exitCode == 0)
        #expect(dry.output.contains("would be replayed"))
        #expect(try await database.value("SELECT count(*)::text FROM settled.jobs WHERE state = 'ready'") == "0")

        let done = try await ProgramRun.settled(
            "jobs", "replay", "--cause", "by_hand", "--reason", "mended", "--yes", "--json",
            environment: ["SUDO_USER": "wang"])
        #expect(done.exitCode == 0)
        #expect(try done.objects().map { $0["result"] as? String } == ["changed", "changed", "changed"])
        #expect(try await database.value("SELECT count(*)::text FROM settled.jobs WHERE state = 'ready'") == "3")
        let actor = try await database.value("SELECT actor FROM settled.job_events WHERE action = 'replay' LIMIT 1")
        #expect(actor?.hasPrefix("wang@") == true)
        let again = try await ProgramRun.settled("jobs", "replay", "\(ids[0])", "--reason", "again")
        #expect(again.exitCode == 5)
        #expect(again.output.contains("refused: it is ready"))
        #expect(try await ProgramRun.settled("jobs", "replay", "4711", "--reason", "who").exitCode == 3)
        #expect(try await ProgramRun.settled("jobs", "replay", "--cause", "none", "--reason", "who").exitCode == 3)
    }

    @Test func `a person's verdict ends the job and settles nothing`() async throws {
        let database = try TestDatabase.current
        let ids = try await database.enqueue(2, quarantined: true)
        for (id, verdict) in zip(ids, ["accepted", "dismissed"]) {
            let arguments = ["jobs", "resolve", "\(id)", "--as", verdict, "--reason", "paid in cash"]
            #expect(try await ProgramRun.settled(arguments: arguments).exitCode == 0)
            #expect(try await database.value("SELECT outcome FROM settled.job_history WHERE id = \(id)") == verdict)
            #expect(
                try await database.value(
                    "SELECT reason FROM settled.job_events WHERE job_id = \(id) AND action = 'resolve'")
                    == "paid in cash")
            #expect(try await ProgramRun.settled(arguments: arguments).exitCode == 5)
        }
        #expect(try await database.value("SELECT count(*)::text FROM settled.settlements") == "0")
    }

    @Test func `cancel and quarantine change what waits and refuse what does not`() async throws {
        let database = try TestDatabase.current
        let id = try await database.enqueue(1)[0]
        #expect(try await ProgramRun.settled("jobs", "quarantine", "\(id)", "--dry-run").exitCode == 0)
        #expect(try await database.value("SELECT state FROM settled.jobs") == "ready")
        #expect(try await ProgramRun.settled("jobs", "quarantine", "\(id)", "--reason", "odd").exitCode == 0)
        #expect(try await database.value("SELECT state FROM settled.jobs") == "quarantined")
        #expect(try await ProgramRun.settled("jobs", "cancel", "\(id)", "--reason", "odd").exitCode == 0)
        #expect(try await database.value("SELECT state FROM settled.job_history") == "cancelled")
        #expect(try await ProgramRun.settled("jobs", "cancel", "\(id)", "--reason", "odd").exitCode == 5)
    }

    @Test func `a job is shown with its attempts, interventions and settlements`() async throws {
        let database = try TestDatabase.current
        let id = try await database.enqueue(1, quarantined: true, message: "look")[0]
        try await database.settle(1)
        try await database.sequence()
        try await database.execute(
            """
            INSERT INTO settled.job_attempts (job_id, lease_epoch, disposition, cause, message)
            VALUES (\(id), 1, 'retry', 'gateway_timeout', 'no answer within 10 s');
            INSERT INTO settled.gateway_log (job_id, method, verdict, code, signed)
            VALUES (\(id), 'm', 'busy', '20000', false);
            """)
        let object = try #require(try await ProgramRun.settled("jobs", "show", "\(id)", "--json").objects().first)
        #expect(object["state"] as? String == "quarantined")
        #expect((object["attempts"] as? [[String: Any]])?.first?["cause"] as? String == "gateway_timeout")
        #expect((object["events"] as? [[String: Any]])?.first?["reason"] as? String == "look")
        #expect((object["answers"] as? [[String: Any]])?.first?["code"] as? String == "20000")
        let settlement = (object["settlements"] as? [[String: Any]])?.first
        #expect(settlement?["total_amount"] as? String == "10.21")
        #expect(settlement?["seq"] as? Int == 1)
        let text = try await ProgramRun.settled("jobs", "show", "\(id)").output
        #expect(text.contains("gateway_timeout: no answer within 10 s"))
        #expect(text.contains("+08:00"), "times are local and say so")
        #expect(try await ProgramRun.settled("jobs", "show", "4711").exitCode == 3)
    }
}
