/// What a bench prints: the settings first, then each result, then what held.
struct BenchReport {
    let durability: Durability
    let json: Bool
    private var table = Table([
        .init("BENCH"), .init("WHAT"), .init("OURS", .right), .init("", .left), .init("BESIDE", .right),
        .init("RATIO", .right), .init("BESIDE IS"),
    ])
    private var promises: [String] = []

    init(_ durability: Durability, json: Bool) {
        self.durability = durability
        self.json = json
    }

    /// The settings come before the first figure, so that no figure is read without them.
    func begin() {
        if json {
            var line = JSONLine()
            line.add("bench", "settings")
            line.add("postgres", durability.json)
            StandardOutput.write(line.line)
        } else {
            StandardOutput.line("PostgreSQL: " + durability.text)
            if let warning = durability.warning { StandardOutput.line(warning) }
        }
    }

    /// - Parameter promise: what was checked after each round, and held.
    mutating func add(_ results: [BenchResult], of bench: String, promise: String) {
        for result in results {
            if json {
                var line = result.json
                line.add("durable", durability.isDurable)
                StandardOutput.write(line.line)
            } else {
                table.add(
                    bench, result.what, Self.text(result.value), result.unit, result.beside.map { Self.text($0.value) },
                    result.ratio.map(Ratio.text), result.beside?.name)
            }
        }
        if json {
            var line = JSONLine()
            line.add("bench", bench)
            line.add("holds", true)
            line.add("checked", promise)
            StandardOutput.write(line.line)
        } else {
            promises.append("\(bench): held in every round: \(promise)")
        }
    }

    func end() {
        guard !json else { return }
        table.print()
        for promise in promises { StandardOutput.line(promise) }
    }

    /// Whole numbers where decimals would only be noise.
    static func text(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        return abs(value) >= 100 ? "\(Int(value.rounded()))" : Ratio.text(value)
    }
}
