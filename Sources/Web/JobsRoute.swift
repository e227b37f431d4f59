import HTTPTypes
import Hummingbird
import JobQueue
import NIOCore
import Settlement

/// Jobs over HTTP: `GET /v1/jobs?state=…`, `GET /v1/jobs/{id}` and `POST /v1/jobs/replay`.
///
/// A replay takes `{"ids":[…],"reason":"…"}` and answers with what became of each job. With `Idempotency-Key` the same
/// request again gets the same answer; another request with that key is refused with 422.
struct JobsRoute: Sendable {
    static let path = "/v1/jobs"
    static func serves(_ path: String) -> Bool { path == Self.path || path.hasPrefix(Self.path + "/") }

    let jobs: JobRecords
    let limits: WebLimits

    func respond(to request: Request, enter: Entrance) async throws -> Response {
        switch request.uri.path.dropFirst(Self.path.count) {
        case "":
            _ = try await enter("GET", .read)
            return try await list(request)
        case "/replay":
            let token = try await enter("POST", .operate)
            return try await replay(request, token)
        case let id:
            _ = try await enter("GET", .read)
            return try await one(String(id.dropFirst()))
        }
    }

    // MARK: Looking

    private func one(_ text: String) async throws -> Response {
        guard let id = Int64(text), id > 0 else { throw Problem.notFound("a job's id is a number") }
        guard let dossier = try await jobs.show(id) else { throw Problem.notFound("there is no job \(id)") }
        return RecordsRoute.json(dossier.json)
    }

    private func list(_ request: Request) async throws -> Response {
        let query = ListQuery(request)
        var filter = JobFilter()
        if let text = query["state"] {
            guard let state = JobState(rawValue: String(text)) else {
                throw Problem.invalid("state", "one of " + JobState.allCases.map(\.rawValue).joined(separator: ", "))
            }
            filter.state = state
        }
        filter.queue = try query.word("queue")
        filter.kind = try query.word("kind")
        filter.cause = try query.word("cause")
        filter.subject = try query.word("subject")
        let limit = try query.number("limit", in: 1...1000) ?? 50
        let before = try query.number("before", in: 1...Int64.max)
        let found = try await jobs.list(filter, before: before, limit: Int(limit))
        return ListPage.answer(found.map { ($0.id, $0.json) }, limit: limit)
    }

    // MARK: Replaying

    private func replay(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        try await request.change(limits, ReplayRequest.init(parsing:)) { asked, key in
            try await jobs.replay(asked, by: token, key: key)
        }
    }
}
