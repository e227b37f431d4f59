import ArgumentParser
import Sandbox
import SystemPackage

/// `settled bench micro`: what each step of a notification and of a gateway call costs, one at a time, without network or
/// database.
struct MicroBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro",
        abstract: "Measure the steps of the line one at a time: parse, verify, sign, decode, chain.",
        discussion: """
            Times are the thread's own CPU time, so that other programs disturb them little; every operation is measured \
            once in each round and the median counts. The messages are a notification and an answer with two bills, each \
            of about 1.1 kB, made and signed with keys of 2048 bits that are thrown away.

            Times depend on the machine and its day; what a change costs is better seen in instructions: \
            Benchmarks/instructions.sh counts them.
            """)

    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp("These operations alone.", valueName: "name"))
    var only: [MicroOperation.Name] = []
    @Option(name: .long, help: "Rounds; the median counts.")
    var rounds = 7
    @Option(
        name: .long,
        help: ArgumentHelp("Operations in each round; as many as fill a tenth of a second unless told.", valueName: "n")
    )
    var operations: Int?
    @Option(
        name: .long,
        help: ArgumentHelp("The folder that `simulate keys` filled, instead of new keys.", valueName: "dir"),
        completion: .directory)
    var keys: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds takes 1 to 1000") }
        guard (1...1_000_000_000).contains(operations ?? 1) else {
            throw ValidationError("--operations takes 1 to 1000000000")
        }
    }

    func run() async throws {
        let messages = try MicroMessages(keys: try pairs())
        let chosen = MicroOperation.Name.allCases.filter { only.isEmpty || only.contains($0) }
        #if DEBUG
            output.note("this is a debug build: its figures say nothing about the program in use")
        #endif
        var measured: [MicroResult] = []
        for name in chosen {
            let operation = try messages.operation(name)
            measured.append(
                MicroResult(operation, count: try operations ?? MicroTiming.count(of: operation)))
        }
        for round in 1...rounds {
            if StandardError.isTerminal { output.progress("\rround \(round) of \(rounds)") }
            for index in measured.indices { try measured[index].measure() }
        }
        if StandardError.isTerminal { output.progress("\n") }
        show(measured)
    }

    private func pairs() throws -> SandboxKeys {
        guard let keys else { return try .generate() }
        do {
            return try SandboxKeys.load(from: FilePath(keys))
        } catch {
            throw CommandFailure("\(error): `settled simulate keys \(keys)` makes them", .configuration)
        }
    }

    private func show(_ results: [MicroResult]) {
        guard !output.json else {
            for result in results { StandardOutput.write(result.line.line) }
            return
        }
        var table = Table([
            .init("OPERATION"), .init("NS", .right), .init("LOWEST", .right), .init("A SECOND", .right),
            .init("BYTES", .right), .init("WHAT"),
        ])
        for result in results {
            table.add(
                result.operation.name.rawValue, Self.figure(result.median), Self.figure(result.lowest),
                "\(Int(result.perSecond))", "\(result.operation.bytes)", result.operation.about)
        }
        StandardOutput.write(table.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal)))
    }

    private static func figure(_ nanoseconds: Double) -> String {
        nanoseconds < 100 ? Ratio.text(nanoseconds) : "\(Int(nanoseconds.rounded()))"
    }
}

/// The rounds of one operation.
struct MicroResult: Sendable {
    let operation: MicroOperation
    /// Operations in each round.
    let count: Int
    /// Nanoseconds an operation, one figure for each round.
    private(set) var rounds: [Double] = []

    init(_ operation: MicroOperation, count: Int) {
        self.operation = operation
        self.count = count
    }

    mutating func measure() throws { rounds.append(try MicroTiming.nanoseconds(operation, count: count)) }

    var median: Double { Percentile.of(rounds, 0.5) }
    var lowest: Double { rounds.min() ?? .nan }
    /// On one core that does nothing else.
    var perSecond: Double { 1_000_000_000 / max(median, 0.001) }

    var line: JSONLine {
        var line = JSONLine()
        line.add("name", operation.name.rawValue)
        line.add("nanoseconds", figure: median)
        line.add("lowest", figure: lowest)
        line.add("per_second", Int(perSecond))
        line.add("bytes", operation.bytes)
        line.add("operations", count)
        line.add("rounds", rounds.count)
        return line
    }
}
