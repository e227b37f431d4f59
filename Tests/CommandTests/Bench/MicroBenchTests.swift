import ArgumentParser
import Foundation
import Sandbox
import Testing

@testable import settled

/// The shape of what is printed and that every operation does its work; how fast it is here means nothing.
@Suite("Micro benchmarks") struct MicroBenchTests {
    @Test("An operation does its work in every turn", arguments: MicroOperation.Name.allCases)
    func works(name: MicroOperation.Name) throws {
        let operation = try Self.messages.get().operation(name)
        #expect(try operation.turn() == operation.expected)
        #expect(operation.expected != 0)
        #expect(operation.bytes > 0)
        #expect(try MicroTiming.nanoseconds(operation, count: 2) > 0)
    }

    @Test func `an operation that fails quickly has no speed`() throws {
        let working = try Self.messages.get().operation(.amount)
        let failing = MicroOperation(name: .amount, about: "", bytes: 1, expected: working.expected) {
            try working.turn() - 1
        }
        #expect(throws: CommandFailure.self) { try MicroTiming.nanoseconds(failing, count: 3) }
    }

    @Test func `the messages are as long as those of life`() throws {
        let messages = try Self.messages.get()
        #expect((850...1_300).contains(messages.notification.count))
        #expect((1_100...1_400).contains(messages.answer.count))
        #expect((600...900).contains(messages.feedPayload.count))
    }

    @Test func `the figure of several rounds is the median`() throws {
        let operation = try Self.messages.get().operation(.amount)
        var result = MicroResult(operation, count: 1)
        for _ in 0..<3 { try result.measure() }
        #expect(result.rounds.sorted()[1] == result.median)
        #expect(result.rounds.min() == result.lowest)
    }

    @Test func `with --json each operation is an object, in the order of the line`() async throws {
        let run = try await ProgramRun.settled(
            "bench", "micro", "--json", "--rounds", "2", "--operations", "3", "--only", "chain-item", "form-parse")
        #expect(run.exitCode == 0)
        let objects = try run.objects()
        #expect(objects.map { $0["name"] as? String } == ["form-parse", "chain-item"])
        for object in objects {
            #expect(
                Set(object.keys)
                    == ["name", "nanoseconds", "lowest", "per_second", "bytes", "operations", "rounds"])
            #expect(object["operations"] as? Int == 3)
            #expect(object["rounds"] as? Int == 2)
            #expect((object["nanoseconds"] as? Double ?? 0) > 0)
        }
    }

    @Test func `without it a table, and nothing but the table on standard output`() async throws {
        let run = try await ProgramRun.settled(
            "bench", "micro", "--quiet", "--rounds", "1", "--operations", "1", "--only", "amount")
        #expect(run.exitCode == 0)
        #expect(run.errors == "")
        #expect(run.lines.count == 2)
        #expect(run.lines.first?.split(separator: " ").first == "OPERATION")
        #expect(run.lines.last?.split(separator: " ").first == "amount")
    }

    @Test func `keys that were made before are taken, and a folder without them is named`() async throws {
        let folder = try SettingsFolder([:])
        let arguments = [
            "bench", "micro", "--json", "--rounds", "1", "--operations", "1", "--only", "verify", "--keys",
        ]
        let made = try await ProgramRun.settled("simulate", "keys", folder.path + "/keys")
        #expect(made.exitCode == 0)
        #expect(try await ProgramRun.settled(arguments: arguments + [folder.path + "/keys"]).exitCode == 0)
        let missing = try await ProgramRun.settled(arguments: arguments + [folder.path + "/none"])
        #expect(missing.exitCode == 78)
        #expect(missing.errors.contains("simulate keys"))
    }

    @Test(
        "What it cannot mean is refused",
        arguments: [
            ["--rounds", "0"], ["--rounds", "1001"], ["--operations", "0"], ["--only", "speed"],
        ])
    func refused(arguments: [String]) throws {
        let error = #expect(throws: (any Error).self) { try Settled.parseAsRoot(["bench", "micro"] + arguments) }
        #expect(error.map { Settled.exitCode(for: $0) } == .validationFailure)
    }

    /// Made once: keys take longer than everything that is tried with them.
    private static let messages = Result { try MicroMessages(keys: .generate()) }
}
