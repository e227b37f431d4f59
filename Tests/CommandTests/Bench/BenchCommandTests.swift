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
            ["intake", "--notifications", "9"], ["gateway", "--calls", "9"], ["line", "--notifications", "19"],
            ["line", "--clients", "1025"], ["feed", "--items", "0"], ["feed", "--readers", "1001"],
            ["feed", "--arrivals", "0"], ["feed", "--seconds", "0"], ["speed"],
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

    @Test func `the gateway, with a worker and answers signed beforehand`() async throws {
        let results = try await Self.results(of: ["gateway", "--calls", "50"])
        #expect(results == ["verified answers, each core used", "verified answers", "cores used by the worker"])
    }

    @Test func `the line, at full speed and at half of it`() async throws {
        let results = try await Self.results(of: ["line", "--notifications", "50", "--clients", "4"])
        // The server of the tests keeps no times of commits.
        #expect(
            results == [
                "from notification to settlement, full speed", "CPU of the program a payment",
                "at half of that: to the settlement's number in the feed, median",
                "at half of that: to the settlement's number in the feed, 99th percentile",
            ])
    }

    @Test func `the feed, with readers who wait`() async throws {
        let results = try await Self.results(of: [
            "feed", "--items", "1200", "--readers", "5", "--arrivals", "10", "--seconds", "0.2",
        ])
        #expect(
            results == [
                "items exported to one reader", "CPU of the server an item", "of a core for 5 readers who wait",
                "from the settlement's transaction to a reader, median",
                "from the settlement's transaction to a reader, 99th percentile",
            ])
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

    /// One round of a bench, and what it measured, after the shape of what it printed was looked at.
    private static func results(of arguments: [String]) async throws -> [String] {
        let run = try await run(arguments + ["--rounds", "1", "--json"])
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
            #expect(result["rounds"] as? Int == 1)
            #expect(result["durable"] as? Bool == false)
            #expect(result["ours"] is Double, "\(result)")
            #expect((result["beside"] is Double) == (result["beside_is"] is String))
            #expect((result["beside"] is Double) == (result["ratio"] is Double))
        }
        return objects.dropFirst().dropLast().compactMap { $0["what"] as? String }
    }
}
