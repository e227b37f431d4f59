/// Durations as people write them: `500ms`, `30s`, `2m`, `1h`, `30d`, or several together in falling order, `1h30m`.
enum DurationText {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Nil without a unit, with an unknown unit, with a sign or a fraction, or beyond a hundred years.
    static func parse(_ text: String) -> Duration? {
        var rest = text[...]
        var total: Int64 = 0
        var smallest = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard digits.count <= 12, let count = Int64(digits), let unit = units.first(where: { $0.name == name }),
                unit.milliseconds < smallest
            else { return nil }
            smallest = unit.milliseconds
            total += count.multipliedReportingOverflow(by: unit.milliseconds).partialValue
            guard count <= 3_155_760_000_000 / unit.milliseconds, total <= 3_155_760_000_000 else { return nil }
        }
        return smallest == .max ? nil : .milliseconds(total)
    }

    /// The shortest text that reads back the same; what lies below a millisecond is left out.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        guard rest > 0 else { return "0s" }
        return units.reduce(into: "") { text, unit in
            let count = rest / unit.milliseconds
            rest %= unit.milliseconds
            if count > 0 { text += "\(count)\(unit.name)" }
        }
    }
}

/// Numbers of bytes as people write them: `262144`, `256KiB`, `4MiB`, `1GiB`.
enum ByteSize {
    private static let units: [(name: String, bytes: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1),
    ]

    static func parse(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard digits.count <= 12, let count = Int(digits),
            let unit = units.first(where: { $0.name == text.dropFirst(digits.count) })
        else { return nil }
        let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: unit.bytes)
        return isTooMuch ? nil : bytes
    }

    static func text(_ bytes: Int) -> String {
        let unit = units.first { bytes >= $0.bytes && bytes % $0.bytes == 0 }
        return unit.map { "\(bytes / $0.bytes)\($0.name)" } ?? String(bytes)
    }
}
