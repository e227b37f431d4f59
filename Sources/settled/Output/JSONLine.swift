import Alipay
import Postgres
import Telemetry
import Wire

/// One JSON object on a line of its own, its members in the order in which they were added.
struct JSONLine: Sendable {
    private var members: [String] = []

    init() {}

    /// An object that is written already, without its line break; members that are added follow it.
    init(object: [UInt8]) {
        members = [String(decoding: object.dropFirst().dropLast(), as: UTF8.self)]
    }

    /// A string, or `null`, so that a reader always finds the member.
    mutating func add(_ name: String, _ text: String?) { add(name, raw: text.map(Self.quoted) ?? "null") }
    mutating func add(_ name: String, _ number: (some BinaryInteger)?) {
        add(name, raw: number.map(\.description) ?? "null")
    }
    mutating func add(_ name: String, _ flag: Bool) { add(name, raw: flag ? "true" : "false") }
    /// RFC 3339 in UTC.
    mutating func add(_ name: String, _ time: Timestamp?) { add(name, time?.rfc3339) }
    mutating func add(_ name: String, _ lines: [JSONLine]) {
        add(name, raw: "[" + lines.map(\.object).joined(separator: ",") + "]")
    }
    mutating func add(_ name: String, _ line: JSONLine) { add(name, raw: line.object) }
    mutating func add(_ name: String, strings: [String]) {
        add(name, raw: "[" + strings.map(Self.quoted).joined(separator: ",") + "]")
    }
    /// Text that is JSON already and has no line break, as PostgreSQL and the feed write it.
    mutating func add(_ name: String, raw json: String) { members.append(Self.quoted(name) + ":" + json) }

    var object: String { "{" + members.joined(separator: ",") + "}" }
    /// Safe to show on a terminal, whatever an outsider wrote into a string.
    var line: String { TerminalText.json(object) + "\n" }

    private static func quoted(_ text: String) -> String {
        var json = JSONText()
        json.string(text)
        return json.text
    }
}

extension JSONLine {
    /// A value as it was read: members in their order, numbers with their digits.
    static func written(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let digits): digits
        case .string(let text): quoted(text)
        case .array(let elements): "[" + elements.map(written).joined(separator: ",") + "]"
        case .object(let object):
            "{" + object.members.map { quoted($0.key) + ":" + written($0.value) }.joined(separator: ",") + "}"
        }
    }
}
