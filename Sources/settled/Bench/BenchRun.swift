import ArgumentParser

/// One of the five things that are measured.
protocol Bench: Sendable {
    /// As it is called on the command line.
    var name: String { get }
    /// How many connections one round needs at once.
    var connections: Int { get }
    /// What ``round(on:note:)`` checks of the database after it has measured, in words.
    var promise: String { get }

    /// Measures once, on fresh tables, and checks what the database then holds.
    ///
    /// - Throws: when a promise does not hold; nobody wants the speed of that.
    func round(on database: DatabaseUnderBench, note: @escaping @Sendable (String) -> Void) async throws
        -> [BenchFigure]
}

/// What every bench is told.
struct BenchOptions: ParsableArguments {
    @OptionGroup var place: BenchPlaceOptions
    @Option(name: .long, help: "Rounds; medians count. (default: 3, of `all` 1)")
    var rounds: Int?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if let rounds { try Bounds.check("rounds", rounds, 1...100) }
    }

    /// Runs `benches` one after the other and prints what they found.
    ///
    /// - Parameter usual: the rounds where the caller names no number.
    func run(_ benches: [any Bench], rounds usual: Int = 3) async throws {
        let interruption = await Interruption.trapped()
        let connections = benches.map(\.connections).max() ?? 0
        // What takes the database away stands outside of what an interruption cancels.
        try await place.with(connections: connections) { [self] database in
            try await interruption.ending { try await measure(benches, rounds: rounds ?? usual, on: database) }
        }
    }

    private func measure(_ benches: [any Bench], rounds count: Int, on database: DatabaseUnderBench) async throws {
        var report = BenchReport(try await database.durability(), json: output.json)
        report.begin()
        for bench in benches {
            var rounds: [[BenchFigure]] = []
            for round in 1...count {
                let note: @Sendable (String) -> Void = { [output] in output.note("\(bench.name), round \(round): \($0)")
                }
                try await database.reset()
                let figures = try await bench.round(on: database, note: note)
                for figure in figures { note("\(figure.what) \(BenchReport.text(figure.value)) \(figure.unit)") }
                rounds.append(figures)
            }
            report.add(BenchResult.of(bench.name, rounds: rounds), of: bench.name, promise: bench.promise)
        }
        report.end()
    }
}

/// Bounds of options, with one way to say them.
enum Bounds {
    static func check(_ name: String, _ value: Int, _ bounds: ClosedRange<Int>) throws {
        guard bounds.contains(value) else {
            throw ValidationError("--\(name) takes \(bounds.lowerBound) to \(bounds.upperBound)")
        }
    }
}
