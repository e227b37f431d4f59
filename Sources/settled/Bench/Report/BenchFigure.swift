/// One measurement of one round.
struct BenchFigure: Sendable {
    /// What a figure is read beside, measured in the same round.
    struct Limit: Sendable {
        let name: String
        let value: Double

        init(_ name: String, _ value: Double) {
            self.name = name
            self.value = value
        }
    }

    let what: String
    /// `/s`, `ms`, `µs`, `cores`.
    let unit: String
    let value: Double
    var beside: Limit?

    init(_ what: String, _ value: Double, _ unit: String, beside: Limit? = nil) {
        self.what = what
        self.value = value
        self.unit = unit
        self.beside = beside
    }
}

/// The medians of all rounds of one measurement.
///
/// The ratio is taken within each round, because a machine's speed changes by the minute, and its median counts.
struct BenchResult: Sendable {
    let bench: String
    let what: String
    let unit: String
    let value: Double
    let beside: BenchFigure.Limit?
    let ratio: Double?
    let rounds: Int

    /// - Parameter figures: the same measurement, one figure a round; never empty.
    init?(_ bench: String, _ figures: [BenchFigure]) {
        guard let first = figures.first else { return nil }
        self.bench = bench
        what = first.what
        unit = first.unit
        value = Percentile.median(figures.map(\.value))
        let limits = figures.compactMap { figure in figure.beside.map { (figure.value, $0.value) } }
        beside = first.beside.map { .init($0.name, Percentile.median(limits.map(\.1))) }
        ratio = beside == nil ? nil : Percentile.median(limits.map { $0.0 / $0.1 })
        rounds = figures.count
    }

    /// The measurements in the order in which the first round has them.
    static func of(_ bench: String, rounds: [[BenchFigure]]) -> [BenchResult] {
        (rounds.first ?? []).compactMap { first in
            BenchResult(bench, rounds.flatMap { $0 }.filter { $0.what == first.what })
        }
    }

    var json: JSONLine {
        var line = JSONLine()
        line.add("bench", bench)
        line.add("what", what)
        line.add("unit", unit)
        line.add("ours", figure: value)
        line.add("beside", raw: beside.map { JSONLine.figure($0.value) } ?? "null")
        line.add("ratio", raw: ratio.map { JSONLine.figure($0) } ?? "null")
        line.add("beside_is", beside?.name)
        line.add("rounds", rounds)
        return line
    }
}

enum Ratio {
    /// Two decimals, without a locale; `-` when there is none.
    static func text(_ value: Double) -> String {
        guard value.isFinite, value < 1e12 else { return "-" }
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}

/// The value below which a part of the measurements lies.
enum Percentile {
    static func of(_ values: [Double], _ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        return values.sorted()[min(values.count - 1, Int(Double(values.count) * part))]
    }

    /// The middle one; of an even number, the mean of the two in the middle.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }
}

extension JSONLine {
    /// A measured figure; `null` when there is none.
    mutating func add(_ name: String, figure: Double) { add(name, raw: Self.figure(figure)) }

    static func figure(_ value: Double) -> String {
        value.isFinite ? "\((value * 1000).rounded() / 1000)" : "null"
    }
}
