import Alipay
import JobQueue
import Postgres
import Wire

/// Looks jobs up and replays them, for the API.
public struct JobRecords: Sendable {
    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    /// Jobs that match, the newest first.
    ///
    /// - Parameter before: only jobs with lower ids: the last id of the page before.
    public func list(_ filter: JobFilter, before: Int64? = nil, limit: Int) async throws -> [Job] {
        try await pool.withConnection(FeedReader.lane) { connection in
            try await JobStore.list(filter, before: before, limit: limit, on: connection)
        }
    }

    /// One job with all around it; nil when there is none, or none any more.
    public func show(_ id: Int64) async throws -> JobDossier? {
        let detail = try await pool.withConnection(FeedReader.lane) { connection in
            try await JobStore.show(id, on: connection)
        }
        guard let detail else { return nil }
        return JobDossier(detail: detail, trace: try await JobTrace.of(id, args: detail.job.args, pool: pool))
    }

    /// Replays jobs for the holder of a token, and answers with what became of each.
    ///
    /// With a key the answer is kept for a day in the transaction that replays: the same request again gets the same answer,
    /// byte for byte, and nothing is replayed twice.
    /// - Throws: ``IdempotencyKeyReused`` when the key came with another request before.
    public func replay(_ request: ReplayRequest, by token: TokenStore.Token, key: String?) async throws -> [UInt8] {
        let actor = Actor("token \(token.id) (\(token.name))", reason: request.reason)
        let (answer, queues) = try await pool.transaction(FeedReader.lane) { tx in
            if let key, let kept = try IdempotencyKey.take(key, token: token.id, for: request.digest, in: tx) {
                return (kept, Set<String>())
            }
            let results = try JobStore.replay(request.ids, by: actor, on: tx)
            let answer = Self.answer(results)
            if let key { try IdempotencyKey.keep(answer, for: key, token: token.id, in: tx) }
            return (answer, Set(results.compactMap { $0.result == .changed ? $0.queue : nil }))
        }
        if !queues.isEmpty {
            try? await pool.withConnection(FeedReader.lane) { try await JobSignal.announce(queues, on: $0) }
        }
        return answer
    }

    private static func answer(_ results: [Intervention]) -> [UInt8] {
        var json = JSONWriter(capacity: 64 + results.count * 64)
        json.object { json in
            json.array("items") { json in
                for result in results { json.element(raw: result.json) }
            }
            json.member("replayed", Int64(results.count { $0.result == .changed }))
        }
        return json.bytes
    }
}

/// A request to replay jobs: `{"ids":[1,2],"reason":"…"}`.
public struct ReplayRequest: Sendable {
    public let ids: [Int64]
    public let reason: String
    /// SHA-256 over what was asked.
    let digest: [UInt8]

    public init(parsing body: [UInt8]) throws(InvalidRequest) {
        guard let json = try? JSONValue(parsing: body), case .object(let object) = json else {
            throw InvalidRequest(detail: "the body is no JSON object")
        }
        if let other = object.members.first(where: { !["ids", "reason"].contains($0.key) }) {
            throw InvalidRequest(detail: "\(other.key.prefix(64)): no member of this name is known")
        }
        guard case .array(let elements) = object["ids"], (1...1000).contains(elements.count) else {
            throw InvalidRequest(detail: "ids: an array of 1 to 1000 job ids")
        }
        var ids: [Int64] = []
        for element in elements {
            guard case .number(let digits) = element, let id = Int64(digits), id > 0 else {
                throw InvalidRequest(detail: "ids: whole numbers from 1")
            }
            ids.append(id)
        }
        guard case .string(let reason) = object["reason"], (1...500).contains(reason.count),
            !reason.allSatisfy(\.isWhitespace), !reason.utf8.contains(0)
        else { throw InvalidRequest(detail: "reason: why, in 1 to 500 characters") }
        guard Set(ids).count == ids.count else { throw InvalidRequest(detail: "ids: no id may occur twice") }
        self.ids = ids
        self.reason = reason
        digest = Digest.sha256(Array("replay ".utf8) + body)
    }
}
