import JobQueue
import Postgres
import Settlement
import Testing
import Web

/// Jobs as an operator's program sees them.
@Suite struct JobsRouteTests {
    private static func enqueue(_ count: Int, _ house: LiveHouse) async throws -> [Int64] {
        let connection = Connection(house.database)
        try await connection.connect()
        let jobs = (1...count).map { NewJob(queue: "pay-results", kind: "pay_result", subject: "T\($0)") }
        let ids = try await JobQueue.enqueue(jobs, in: connection).map(\.jobID)
        _ = try await JobStore.quarantine(ids, by: Actor("test", reason: "look"), on: connection)
        await connection.close()
        return ids
    }

    private static func replay(
        _ body: String, key: String? = nil, token: String, type: String = "application/json", _ house: LiveHouse
    ) async throws -> Wire.Answer {
        var head = "POST /v1/jobs/replay HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n"
        head += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
        if let key { head += "Idempotency-Key: \(key)\r\n" }
        return try await Wire.exchange(head + "\r\n" + body, port: house.port)
    }

    @Test func `jobs are listed in pages and shown one by one`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            let ids = try await Self.enqueue(3, house)
            let page = try await Wire.get("/v1/jobs?state=quarantined&limit=2", token: token, port: house.port)
            #expect(page.status == 200)
            #expect(page.body.hasPrefix(#"{"items":[{"id":\#(ids[2]),"queue":"pay-results""#))
            #expect(page.body.hasSuffix(#""next_before":\#(ids[1])}"#))
            let rest = try await Wire.get("/v1/jobs?limit=2&before=\(ids[1])", token: token, port: house.port)
            #expect(rest.body.contains(#""id":\#(ids[0])"#) && rest.body.hasSuffix(#""next_before":null}"#))
            let one = try await Wire.get("/v1/jobs/\(ids[0])", token: token, port: house.port)
            #expect(one.body.contains(#""action":"quarantine""#) && one.body.contains(#""reason":"look""#))
            for (path, status) in [
                ("/v1/jobs/4711", 404), ("/v1/jobs/x", 404), ("/v1/jobs?state=lost", 400), ("/v1/jobs?limit=0", 400),
                ("/v1/jobs?limit=1001", 400), ("/v1/jobs?before=-1", 400), ("/v1/jobs?cause=%00", 400),
                ("/v1/jobs/replay", 405),
            ] {
                #expect(try await Wire.get(path, token: token, port: house.port).status == status, "\(path)")
            }
            #expect(try await Wire.get("/v1/jobs", port: house.port).status == 401)
        }
    }

    @Test func `a replay needs the scope, says what became of each job, and names who and why`() async throws {
        try await LiveHouse.with { house in
            let ids = try await Self.enqueue(1, house)
            let body = #"{"ids":[\#(ids[0]),4711],"reason":"mended"}"#
            let reader = try await house.tokens.create(name: "r", scope: .read, actor: "test").text
            #expect(try await Self.replay(body, token: reader, house).status == 403)
            #expect(try await house.count("SELECT count(*) FROM settled.jobs WHERE state = 'ready'") == 0)
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let answer = try await Self.replay(body, token: token, house)
            #expect(answer.status == 200)
            #expect(
                answer.body == #"{"items":[{"id":\#(ids[0]),"queue":"pay-results","result":"changed"},"#
                    + #"{"id":4711,"queue":null,"result":"unknown"}],"replayed":1}"#)
            #expect(
                try await house.count(
                    """
                    SELECT count(*) FROM settled.job_events
                    WHERE action = 'replay' AND actor LIKE 'token % (ops)' AND reason = 'mended'
                    """) == 1)
        }
    }

    @Test func `the same key and request get the same answer and nothing twice, another request is refused`()
        async throws
    {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let ids = try await Self.enqueue(2, house)
            let body = #"{"ids":[\#(ids[0])],"reason":"r"}"#
            let first = try await Self.replay(body, key: "k-1", token: token, house)
            #expect(first.body.contains("changed"))
            let again = try await Self.replay(body, key: "k-1", token: token, house)
            #expect(again.status == 200)
            #expect(again.body == first.body)
            #expect(try await house.count("SELECT count(*) FROM settled.job_events WHERE action = 'replay'") == 1)
            let other = try await Self.replay(#"{"ids":[\#(ids[1])],"reason":"r"}"#, key: "k-1", token: token, house)
            #expect(other.status == 422)
            #expect(other.body.contains("idempotency-key-reused"))
            #expect(try await house.count("SELECT count(*) FROM settled.jobs WHERE state = 'quarantined'") == 1)
            let without = try await Self.replay(body, token: token, house)
            #expect(without.body.contains("refused"))
        }
    }

    @Test func `the same key at the same moment does the work once`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let ids = try await Self.enqueue(1, house)
            let body = #"{"ids":[\#(ids[0])],"reason":"r"}"#
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await Self.replay(body, key: "same", token: token, house).body }
                }
                var answers: Set<String> = []
                for try await answer in group { answers.insert(answer) }
                return answers
            }
            #expect(answers.count == 1)
            #expect(answers.first?.contains("changed") == true)
        }
    }

    @Test func `what cannot be meant is refused in words`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let bodies = [
                "", "[]", "{}", #"{"ids":[1]}"#, #"{"ids":[],"reason":"r"}"#, #"{"ids":["1"],"reason":"r"}"#,
                #"{"ids":[0],"reason":"r"}"#, #"{"ids":[1.5],"reason":"r"}"#, #"{"ids":[1],"reason":" "}"#,
                #"{"ids":[1,1],"reason":"r"}"#, #"{"ids":[1],"reason":"r","all":true}"#,
                #"{"ids":[1],"ids":[2],"reason":"r"}"#, #"{"ids":[1],"reason":"\u0000"}"#,
            ]
            for body in bodies {
                let answer = try await Self.replay(body, token: token, house)
                #expect(answer.status == 400, "\(body)")
                #expect(answer.header("content-type") == "application/problem+json")
            }
            let valid = #"{"ids":[1],"reason":"r"}"#
            #expect(try await Self.replay(valid, token: token, type: "text/plain", house).status == 415)
            #expect(try await Self.replay(valid, key: "a b", token: token, house).status == 400)
            let long = String(repeating: "k", count: 129)
            #expect(try await Self.replay(valid, key: long, token: token, house).status == 400)
        }
    }
}
