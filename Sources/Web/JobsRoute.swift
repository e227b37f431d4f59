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
    /// Lets a request in whose token has the scope, and says whose token it is.
    typealias Entrance = (_ methods: String, _ scope: TokenStore.Scope) async throws -> TokenStore.Token

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
        let query = request.uri.queryParameters
        var filter = JobFilter()
        if let text = query["state"] {
            guard let state = JobState(rawValue: String(text)) else {
                throw Problem.invalid("state", "one of " + JobState.allCases.map(\.rawValue).joined(separator: ", "))
            }
            filter.state = state
        }
        filter.queue = try word(query["queue"], "queue")
        filter.kind = try word(query["kind"], "kind")
        filter.cause = try word(query["cause"], "cause")
        filter.subject = try word(query["subject"], "subject")
        let limit = try number(query["limit"], "limit", in: 1...1000) ?? 50
        let before = try number(query["before"], "before", in: 1...Int64.max)
        let found = try await jobs.list(filter, before: before, limit: Int(limit))
        var body = Array(#"{"items":["#.utf8)
        for (index, job) in found.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += job.json
        }
        let more = Int64(found.count) == limit ? found.last.map { String($0.id) } : nil
        body += Array(#"],"next_before":\#(more ?? "null")}"#.utf8)
        return RecordsRoute.json(body)
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

    // MARK: Replaying

    private func replay(_ request: Request, _ token: TokenStore.Token) async throws -> Response {
        let key = try request.idempotencyKey()
        let body = try await request.jsonBody(limits)
        do {
            let asked = try ReplayRequest(parsing: body)
            return RecordsRoute.json(try await jobs.replay(asked, by: token, key: key))
        } catch let invalid as ReplayRequest.Invalid {
            throw Problem.invalidBody(invalid.detail)
        } catch is IdempotencyKeyReused {
            throw Problem.keyReused
        }
    }
}
