import Hummingbird
import Settlement

/// Expected payments and bills over HTTP: `GET /v1/expectations?missing=true`, `GET /v1/expectations/{id}` and
/// `POST /v1/expectations`.
///
/// A POST takes one expectation or up to a thousand in `{"items":[…]}`, all or none, and answers with what became of each: added,
/// known or reopened. Adding one again changes nothing; with `Idempotency-Key` the same request also gets the same answer.
struct ExpectationsRoute: Sendable {
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
        let query = ListQuery(request)
        var filter = ExpectationRecords.Filter()
        filter.state = try state(query["state"], missing: query["missing"])
        filter.tradeNo = try query.word("trade_no")
        filter.queryToken = try query.word("query_token")
        filter.billEntryID = try query.word("bill_entry_id")
        filter.communityID = try query.word("community_id")
        filter.limit = try query.number("limit", in: 1...1000) ?? 50
        filter.before = try query.number("before", in: 1...Int64.max)
        let records = try await expectations.records.list(filter)
        return ListPage.answer(records.map { ($0.id, $0.json) }, limit: filter.limit)
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

    // MARK: Adding

    private func add(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        try await request.change(limits, { try ExpectationRequest(parsing: $0, expectations.terms()) }) { asked, key in
            try await expectations.book.add(asked, by: token, key: key)
        }
    }
}
