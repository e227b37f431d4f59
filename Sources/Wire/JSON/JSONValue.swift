/// A JSON value as it was written: numbers keep their text, objects keep their order.
///
/// Foundation's parsers turn `10.21` into a binary fraction, keep the last of two equal keys and forget where a value
/// stood. For signed money all three are wrong, which is why this small type and ``JSONScanner`` exist.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The characters of the number, exactly as received (`10.21`, `1e3`, `-0`).
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The member of an object, nil for anything that is not an object or has no such key.
    public subscript(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }

    /// What a string field holds. Numbers answer with their text, because the gateway writes some fields either way
    /// (`"code":"10000"` and `"code":10000`); null, booleans and containers have none.
    public var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .null, .bool, .array, .object: nil
        }
    }
}

/// The members of a JSON object in the order in which they were written; no key occurs twice.
public struct JSONObject: Sendable, Hashable {
    public struct Member: Sendable, Hashable {
        public let key: String
        public let value: JSONValue
    }

    public let members: [Member]

    public subscript(_ key: String) -> JSONValue? {
        for member in members where member.key == key { return member.value }
        return nil
    }

    /// The same keys in the same order with other values.
    package func mapValues(_ change: (JSONValue) -> JSONValue) -> JSONObject {
        JSONObject(members: members.map { Member(key: $0.key, value: change($0.value)) })
    }
}
