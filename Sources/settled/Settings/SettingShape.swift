import Alipay
import Wire

/// How one kind of value is read from text, shown again, and described to somebody who got it wrong.
struct SettingShape<Value> {
    /// Completes "expected …".
    let expectation: String
    let parse: (String) -> Value?
    let show: (Value) -> String
    /// The words allowed, when there are few, so that a wrong one can be answered with the nearest.
    var words: [String] = []
}

extension SettingShape where Value == String {
    /// Any text that is not empty.
    static var text: Self {
        SettingShape(expectation: "a text", parse: { $0.isEmpty ? nil : $0 }, show: { $0 })
    }

    /// Digits only, such as an app id or a seller id, at most 32.
    static var digits: Self {
        SettingShape(
            expectation: "digits",
            parse: { text in
                (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { (48...57).contains($0) } ? text : nil
            },
            show: { $0 })
    }

    /// A name that can stand in a path and in a label: lower-case letters, digits, `-` and `_`, at most 64.
    static var name: Self {
        SettingShape(
            expectation: "a name of lower-case letters, digits, - and _, at most 64",
            parse: { text in
                let isFine =
                    (1...64).contains(text.utf8.count)
                    && text.utf8.allSatisfy { byte in
                        (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 95
                    }
                return isFine ? text : nil
            }, show: { $0 })
    }

    /// One of a list of words that is known only now, such as the ids of the configured apps.
    static func known(_ words: [String], as what: String) -> Self {
        SettingShape(
            expectation: words.isEmpty ? what : "\(what): \(words.joined(separator: ", "))",
            parse: { words.contains($0) ? $0 : nil }, show: { $0 }, words: words)
    }
}

extension SettingShape where Value == Bool {
    static var flag: Self {
        SettingShape(
            expectation: "true or false",
            parse: { text in
                switch text.lowercased() {
                case "true", "yes", "on", "1": true
                case "false", "no", "off", "0": false
                default: nil
                }
            }, show: { $0 ? "true" : "false" }, words: ["true", "false"])
    }
}

extension SettingShape where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        SettingShape(
            expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            parse: { Int($0).flatMap { range.contains($0) ? $0 : nil } }, show: { String($0) })
    }

    /// A number of bytes: `262144`, `256KiB`, `4MiB`, `1GiB`.
    static func bytes(_ range: ClosedRange<Int>) -> Self {
        SettingShape(
            expectation:
                "a size from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound)), such as 256KiB",
            parse: { ByteSize.parse($0).flatMap { range.contains($0) ? $0 : nil } }, show: ByteSize.text)
    }
}

extension SettingShape where Value == Duration {
    /// `500ms`, `30s`, `2m`, `1h`, `30d`, or several together: `1h30m`.
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        SettingShape(
            expectation:
                "a duration from \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound)), "
                + "such as 30s, 2m or 1h",
            parse: { DurationText.parse($0).flatMap { range.contains($0) ? $0 : nil } }, show: DurationText.text)
    }
}

extension SettingShape where Value: RawRepresentable, Value.RawValue == String {
    static func choice(_ values: [Value]) -> Self {
        let words = values.map(\.rawValue)
        return SettingShape(
            expectation: "one of \(words.joined(separator: ", "))",
            parse: { text in values.first { $0.rawValue == text } }, show: \.rawValue, words: words)
    }
}

extension SettingShape where Value == ListenAddress {
    static var address: Self {
        SettingShape(
            expectation: "an address and a port such as 0.0.0.0:8080 or [::1]:8080", parse: ListenAddress.init(_:),
            show: \.description)
    }
}

extension SettingShape where Value == NetworkRange {
    static var network: Self {
        SettingShape(
            expectation: "an address or a network such as 10.0.0.0/8 or fd00::/8", parse: NetworkRange.init(_:),
            show: \.description)
    }
}

extension SettingShape where Value == ClockTime {
    static var clock: Self {
        SettingShape(
            expectation: "a time of day such as 03:30", parse: ClockTime.init(_:), show: \.description)
    }
}

extension SettingShape where Value == String {
    static var gateway: Self {
        SettingShape(
            expectation: "an https URL (plain http for this machine alone) without user, query and fragment",
            parse: { (try? GatewayAddress($0))?.url }, show: { $0 })
    }
}
