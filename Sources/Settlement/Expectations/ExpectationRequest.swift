import Wire

/// A request to expect something: `{"trade_no":"…"}`, `{"query_token":"…"}` or `{"bill_entry_id":"…","community_id":"…",
/// "due":"2026-12-31"}`, or up to a thousand of them in `{"items":[…]}`. Members are those of ``ExpectationField``, all of them
/// strings but `after_seconds`.
public struct ExpectationRequest: Sendable {
    public let expectations: [Expected]
    /// SHA-256 over what was asked.
    let digest: [UInt8]

    public init(parsing body: [UInt8], _ terms: ExpectationTerms) throws(InvalidRequest) {
        guard let json = try? JSONValue(parsing: body), case .object(let object) = json else {
            throw InvalidRequest(detail: "the body is no JSON object")
        }
        var expectations: [Expected] = []
        if let items = object["items"] {
            guard case .array(let elements) = items, (1...1000).contains(elements.count), object.members.count == 1
            else { throw InvalidRequest(detail: "items: an array of 1 to 1000 expectations, and nothing beside it") }
            for (index, element) in elements.enumerated() {
                expectations.append(try Self.expectation(element, "items[\(index)].", terms))
            }
        } else {
            expectations = [try Self.expectation(json, "", terms)]
        }
        self.expectations = expectations
        digest = Digest.sha256(Array("expectations ".utf8) + body)
    }

    private static func expectation(
        _ json: JSONValue, _ place: String, _ terms: ExpectationTerms
    ) throws(InvalidRequest) -> Expected {
        guard case .object(let object) = json else { throw InvalidRequest(detail: "\(place)a JSON object is expected") }
        var fields: [ExpectationField: String] = [:]
        for (name, value) in object.members.map({ ($0.key, $0.value) }) {
            guard let field = ExpectationField(rawValue: name) else {
                throw InvalidRequest(detail: "\(place)\(name.prefix(64)): no member of this name is known")
            }
            switch (field, value) {
            case (_, .null): break
            case (.afterSeconds, .number(let digits)): fields[field] = digits
            case (.afterSeconds, _): throw InvalidRequest(detail: "\(place)\(name): a whole number is expected")
            case (_, .string(let text)): fields[field] = text
            default: throw InvalidRequest(detail: "\(place)\(name): a string is expected")
            }
        }
        do throws(InvalidExpectation) {
            return try Expected(fields, terms)
        } catch {
            throw InvalidRequest(detail: place + error.description)
        }
    }
}
