import Synchronization

/// All series of one metric: a name, its help, its label names, and one series for each set of label values.
public final class Family<Series: Sendable>: Sendable {
    public let name: String
    let help: String
    let labels: [String]
    private let make: @Sendable () -> Series
    private let series = Mutex<[[String]: Series]>([:])

    /// More series than this are not made: what comes after is counted under the label value `other`,
    /// so that a peer who invents words (a gateway's codes) cannot fill the memory.
    static var mostSeries: Int { 1000 }

    init(name: String, help: String, labels: [String], make: @escaping @Sendable () -> Series) {
        self.name = Exposition.name(name)
        self.help = help
        self.labels = labels.map { Exposition.name($0, allowsColon: false) }
        self.make = make
    }

    /// The series for these label values, in the order of the label names; a missing value is the empty text.
    public subscript(_ values: String...) -> Series {
        series(values)
    }

    func series(_ values: [String]) -> Series {
        let wanted = labels.indices.map { index in
            index < values.count ? Exposition.capped(values[index]) : ""
        }
        return series.withLock { known in
            if let found = known[wanted] { return found }
            let key = known.count < Self.mostSeries ? wanted : labels.map { _ in "other" }
            if let found = known[key] { return found }
            let made = make()
            known[key] = made
            return made
        }
    }

    /// Every series with its label values, in the order of the values, so that two scrapes of the same state are equal.
    func sorted() -> [(values: [String], series: Series)] {
        series.withLock { known in known.map { (values: $0.key, series: $0.value) } }
            .sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }

    func header(_ type: String) -> String {
        "# HELP \(name) \(Exposition.help(help))\n# TYPE \(name) \(type)\n"
    }

    func named(_ values: [String]) -> [(name: String, value: String)] {
        zip(labels, values).map { (name: $0, value: $1) }
    }
}

extension Family where Series == Counter {
    func render() -> String {
        sorted().reduce(into: header("counter")) { text, entry in
            text += Exposition.sample(name, named(entry.values), String(entry.series.value))
        }
    }
}

extension Family where Series == Gauge {
    /// - Parameter readings: values asked for by this scrape; they stand before what was set earlier.
    func render(_ readings: [[String]: Double] = [:]) -> String {
        var values = Dictionary(uniqueKeysWithValues: sorted().map { ($0.values, $0.series.value) })
        values.merge(readings) { _, asked in asked }
        return values.sorted { $0.key.lexicographicallyPrecedes($1.key) }.reduce(into: header("gauge")) { text, entry in
            text += Exposition.sample(name, named(entry.key), Exposition.number(entry.value))
        }
    }
}

extension Family where Series == Histogram {
    func render() -> String {
        sorted().reduce(into: header("histogram")) { text, entry in
            let reading = entry.series.read()
            let labels = named(entry.values)
            var total: UInt64 = 0
            for (bound, count) in zip(entry.series.bounds + [.infinity], reading.buckets) {
                total += count
                let bucket = labels + [(name: "le", value: Exposition.number(bound))]
                text += Exposition.sample(name + "_bucket", bucket, String(total))
            }
            text += Exposition.sample(name + "_sum", labels, Exposition.number(reading.sum))
            text += Exposition.sample(name + "_count", labels, String(total))
        }
    }
}
