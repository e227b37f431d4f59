import Hummingbird
import Settlement

/// Expected payments and bills over HTTP: `GET /v1/expectations?missing=true`, `GET /v1/expectations/{id}` and
/// `POST /v1/expectations`.
///
/// A POST takes one expectation or up to a thousand in `{"items":[…]}`, all or none, and answers with what became of each: added,
/// known or reopened. Adding one again changes nothing; with `Idempotency-Key` the same request also gets the same answer.
struct ExpectationsRoute: Sendable {
    /// Lets a request in whose token has the scope, and says whose token it is.
    typealias Entrance = (_ methods: String, _ scope: TokenStore.Scope) async throws -> TokenStore.Token

    static let path = "/v1/expectations"
    static func serves(_ path: String) -> Bool { path == Self.path || path.hasPrefix(Self.path + "/") }

    let expectations: House.Expectations
    let limits: WebLimits

    func respond(to request: Request, enter: Entrance) async throws -> Response {
        let rest = request.uri.path.dropFirst(Self.path.count)
        if rest.isEmpty, request.method == .post {
            let token = try await enter("POST", .operate)
            return try await add(request, token)
        }
        _ = try await enter(rest.isEmpty ? "GET, POST" : "GET", .read)
        return try await rest.isEmpty ? list(request) : show(String(rest.dropFirst()))
    }

    // MARK: Looking

    private func list(_ request: Request) async throws -> Response {
        let query = request.uri.queryParameters
        var filter = ExpectationRecords.Filter()
        filter.state = try state(query["state"], missing: query["missing"])
        filter.tradeNo = try word(query["trade_no"], "trade_no")
        filter.queryToken = try word(query["query_token"], "query_token")
        filter.billEntryID = try word(query["bill_entry_id"], "bill_entry_id")
        filter.communityID = try word(query["community_id"], "community_id")
        filter.limit = try number(query["limit"], "limit", in: 1...1000) ?? 50
        filter.before = try number(query["before"], "before", in: 1...Int64.max)
        let records = try await expectations.records.list(filter)
        var body = Array(#"{"items":["#.utf8)
        for (index, record) in records.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += record.json
        }
        let more = Int64(records.count) == filter.limit ? records.last.map { String($0.id) } : nil
        return RecordsRoute.json(body + Array(#"],"next_before":\#(more ?? "null")}"#.utf8))
    }

    private func show(_ segment: String) async throws -> Response {
        guard let id = Int64(segment), id > 0 else { throw Problem.notFound("an expectation's id is a number") }
        guard let record = try await expectations.records.show(id) else {
            throw Problem.notFound("there is no expectation \(id)")
        }
        return RecordsRoute.json(record.json)
    }

    /// `missing=true` is the same as `state=missing`.
    private func state(_ text: Substring?, missing: Substring?) throws -> ExpectationState? {
        switch missing {
        case nil, "false": break
        case "true":
            guard text == nil else { throw Problem.invalid("missing", "not together with state") }
            return .missing
        default: throw Problem.invalid("missing", "true or false")
        }
        guard let text else { return nil }
        guard let state = ExpectationState(rawValue: String(text)) else {
            throw Problem.invalid(
                "state", "one of " + ExpectationState.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return state
    }

    /// PostgreSQL has no NUL in text; a filter with one matches nothing and would be an error there.
    private func word(_ text: Substring?, _ name: String) throws -> String? {
        guard let text else { return nil }
        guard text.utf8.count <= 512, !text.utf8.contains(0) else {
            throw Problem.invalid(name, "at most 512 bytes, none of them 0")
        }
        return String(text)
    }

    private func number(_ text: Substring?, _ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
        guard let text else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw Problem.invalid(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    // MARK: Adding

    private func add(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        let key = try request.idempotencyKey()
        let body = try await request.jsonBody(limits)
        do {
            let asked = try ExpectationRequest(parsing: body, expectations.terms())
            return RecordsRoute.json(try await expectations.book.add(asked, by: token, key: key))
        } catch let invalid as ExpectationRequest.Invalid {
            throw Problem.invalidBody(invalid.detail)
        } catch is IdempotencyKeyReused {
            throw Problem.keyReused
        }
    }
}
