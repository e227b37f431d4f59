import ArgumentParser
import Logging
import Postgres
import Sandbox

/// `settled bench`: what can be measured here.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure intake and queue beside PostgreSQL's own speed, in one run.",
        subcommands: [BenchLine.self, MicroBench.self, AgreementsBench.self, WithholdingBench.self, BenchStep.self],
        // Its options are its own: those of a parent would hide options of the same name in the others.
        defaultSubcommand: BenchLine.self)
}

/// `settled bench line`, or `settled bench` alone: how fast intake and queue are here, each beside what PostgreSQL itself
/// does in the same run.
struct BenchLine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "line",
        abstract: "Measure intake and queue beside PostgreSQL's own speed, in one run.",
        discussion: """
            Starts a durable PostgreSQL of its own in a private folder. Rounds alternate between ours and the limit, and \
            medians are compared, because a machine's speed changes by the minute: read the ratios.
            """)

    @Option(name: .long, help: "Notifications in each round.")
    var notifications = 4_000
    @Option(name: .long, help: "Concurrent senders.")
    var clients = 64
    @Option(name: .long, help: "Jobs in each round.")
    var jobs = 20_000
    @Option(name: .long, help: "Rounds; the median counts.")
    var rounds = 3
    @OptionGroup var output: OutputOptions

    func validate() throws {
        for (name, value, most) in [
            ("notifications", notifications, 1_000_000), ("clients", clients, 1024), ("jobs", jobs, 10_000_000),
            ("rounds", rounds, 100),
        ] where !(1...most).contains(value) {
            throw ValidationError("--\(name) takes 1 to \(most)")
        }
    }

    func run() async throws {
        let results = try await EmbeddedPostgres.withServer(
            .init(isDurable: true, settings: ["max_connections": "\(clients + 30)"])
        ) { server in
            let database = DatabaseUnderBench(settings: server.settings())
            try await database.prepare()
            output.note(try await database.durability())
            let intake = try await IntakeBench(database: database, notifications: notifications, clients: clients)
                .run(rounds: rounds, progress: output.note)
            let queue = try await QueueBench(database: database, jobs: jobs).run(rounds: rounds, progress: output.note)
            return [intake, queue]
        }
        if output.json {
            for result in results { StandardOutput.line(result.json) }
        } else {
            var table = Table([
                .init("WHAT"), .init("OURS/S", .right), .init("LIMIT/S", .right), .init("RATIO", .right),
                .init("LIMIT IS"),
            ])
            for result in results {
                table.add(
                    result.name, "\(Int(result.ours))", "\(Int(result.limit))", Ratio.text(result.ours / result.limit),
                    result.limitName)
            }
            StandardOutput.write(table.text(style: TerminalStyle(isTerminal: StandardOutput.isTerminal)))
        }
    }
}

/// Medians of one measurement and of its limit.
struct BenchResult: Sendable {
    let name: String
    let ours: Double
    let limit: Double
    let limitName: String

    var json: String {
        "{\"name\":\"\(name)\",\"ours_per_second\":\(Int(ours)),\"limit_per_second\":\(Int(limit)),"
            + "\"ratio\":\(Ratio.text(ours / limit)),\"limit\":\"\(limitName)\"}"
    }

    /// Alternates between the two and takes the median of each.
    static func compare(
        _ name: String, limitName: String, rounds: Int, progress: (String) -> Void,
        ours: () async throws -> Double, limit: () async throws -> Double
    ) async throws -> BenchResult {
        var own: [Double] = []
        var bare: [Double] = []
        for round in 1...rounds {
            bare.append(try await limit())
            own.append(try await ours())
            progress("\(name), round \(round): ours \(Int(own[round - 1]))/s, \(limitName) \(Int(bare[round - 1]))/s")
        }
        return BenchResult(name: name, ours: median(own), limit: median(bare), limitName: limitName)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

enum Ratio {
    /// Two decimals, without a locale.
    static func text(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
