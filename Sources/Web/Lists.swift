import Hummingbird

/// What a list is asked for in a query string.
struct ListQuery {
    private let parameters: Parameters

    init(_ request: Request) { parameters = request.uri.queryParameters }

    subscript(_ name: String) -> Substring? { parameters[Substring(name)] }

    func word(_ name: String) throws -> String? { try Self.word(self[name], name) }

    func number(_ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let text = self[name] else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw Problem.invalid(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// PostgreSQL has no NUL in text; a filter with one matches nothing and would be an error there.
    static func word(_ text: Substring?, _ name: String) throws -> String? {
        guard let text else { return nil }
        guard text.utf8.count <= 512, !text.utf8.contains(0) else {
            throw Problem.invalid(name, "at most 512 bytes, none of them 0")
        }
        return String(text)
    }
}

/// A page of a list: `{"items":[…],"next_before":42}`.
enum ListPage {
    /// - Parameters:
    ///   - items: JSON already, each with the id that pages are told apart by.
    ///   - limit: how many were asked for; with fewer this is the last page, and the next one `null`.
    ///   - next: what the parameter for the page after this one is called.
    static func answer(_ items: [(id: Int64, json: [UInt8])], limit: Int64, next: String = "before") -> Response {
        var body = Array(#"{"items":["#.utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += item.json
        }
        let more = Int64(items.count) == limit ? items.last.map { String($0.id) } : nil
        return RecordsRoute.json(body + Array(#"],"next_\#(next)":\#(more ?? "null")}"#.utf8))
    }
}
