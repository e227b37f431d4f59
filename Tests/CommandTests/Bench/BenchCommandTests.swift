import ArgumentParser
import Postgres
import TestSupport
import Testing

@testable import settled

/// The benches as they are called. How fast anything is here means nothing; that each does its work and tells it does.
@Suite("Benches", .database) struct BenchCommandTests {
    @Test func `bench without a subcommand is all of them`() throws {
        let command = try Settled.parseAsRoot(["bench", "--rounds", "2", "--json"])
        #expect((command as? BenchAll)?.options.rounds == 2)
        #expect((command as? BenchAll)?.options.output.json == true)
    }

    @Test(
        "What it cannot mean is refused",
        arguments: [
            ["--rounds", "0"], ["--in-database", "x"], ["queue", "--jobs", "0"], ["queue", "--hold-snapshot", "0.5"],
            ["queue", "--jobs", "100", "--depth", "99"], ["queue", "--seconds", "nan"], ["intake", "--clients", "0"],
            ["intake", "--notifications", "9"], ["speed"],
        ])
    func refused(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try Settled.parseAsRoot(["bench"] + arguments) }
        #expect(error.map { Settled.exitCode(for: $0) } == .validationFailure)
    }

    @Test func `the queue, with its depth`() async throws {
        let results = try await Self.results(of: [
            "queue", "--jobs", "300", "--starts", "5", "--seconds", "0.1", "--depth", "600",
        ])
        #expect(
            results == [
                "no-op jobs drained", "jobs stored, 100 a commit", "from enqueue to start, median",
                "from enqueue to start, 99th percentile", "drained of 600 ready",
            ])
    }

    @Test func `the intake, over HTTP`() async throws {
        let results = try await Self.results(of: ["intake", "--notifications", "100", "--clients", "4"])
        #expect(results.first == "durable acknowledgements, 4 clients")
        #expect(results.last == "CPU of the server a request")
    }

    @Test func `a server whose commits a crash loses is said above the figures`() async throws {
        let run = try await Self.run([
            "queue", "--jobs", "10", "--starts", "1", "--seconds", "0.1", "--rounds", "1", "--quiet",
        ])
        #expect(run.exitCode == 0)
        #expect(run.errors == "")
        #expect(run.lines.first?.hasPrefix("PostgreSQL: server_version=") == true)
        #expect(run.lines.dropFirst().first?.hasPrefix("WARNING: fsync") == true)
        #expect(run.lines.dropFirst(2).first?.hasPrefix("BENCH") == true)
        #expect(run.lines.last?.hasPrefix("queue: held in every round") == true)
    }

    @Test func `a server that cannot be reached is an error in a sentence`() async throws {
        let run = try await ProgramRun.settled("bench", "queue", "--database", "host=/nowhere/at/all user=x")
        #expect(run.exitCode == 69)
        #expect(run.output == "")
        #expect(run.errors.hasPrefix("settled: cannot connect to PostgreSQL"))
    }

    // MARK: -

    private static func run(_ arguments: [String]) async throws -> ProgramRun {
        let database = try TestDatabase.current.settings.conninfo
        return try await ProgramRun.settled(arguments: ["bench"] + arguments + ["--database", database])
    }

    /// Two rounds of a bench, and what it measured, after the shape of what it printed was looked at.
    private static func results(of arguments: [String]) async throws -> [String] {
        let run = try await run(arguments + ["--rounds", "2", "--json"])
        #expect(run.exitCode == 0, "\(run.errors)")
        let objects = try run.objects()
        let settings = try #require(objects.first?["postgres"] as? [String: Any])
        #expect(Set(settings.keys) == Set(Durability.names + ["durable"]))
        // The server of the tests does not wait for the disk.
        #expect(settings["durable"] as? Bool == false)
        let held = try #require(objects.last)
        #expect(held["holds"] as? Bool == true)
        #expect((held["checked"] as? String)?.isEmpty == false)
        for result in objects.dropFirst().dropLast() {
            #expect(result["bench"] as? String == arguments.first)
            #expect(result["rounds"] as? Int == 2)
            #expect(result["durable"] as? Bool == false)
            #expect(result["ours"] is Double, "\(result)")
            #expect((result["beside"] is Double) == (result["beside_is"] is String))
            #expect((result["beside"] is Double) == (result["ratio"] is Double))
        }
        return objects.dropFirst().dropLast().compactMap { $0["what"] as? String }
    }
}
