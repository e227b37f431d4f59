import Settlement
import Testing
import Web

/// Expected payments and bills as another program sees them.
@Suite struct ExpectationsRouteTests {
    private static func post(
        _ body: String, key: String? = nil, token: String, type: String = "application/json", _ house: LiveHouse
    ) async throws -> Wire.Answer {
        var head = "POST /v1/expectations HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n"
        head += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
        if let key { head += "Idempotency-Key: \(key)\r\n" }
        return try await Wire.exchange(head + "\r\n" + body, port: house.port)
    }

    @Test func `expectations are added by who may operate, and what is missing is listed for who may read`()
        async throws
    {
        try await LiveHouse.with { house in
            let reader = try await house.tokens.create(name: "r", scope: .read, actor: "test").text
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let one = #"{"trade_no":"T1","after_seconds":0}"#
            #expect(try await Self.post(one, token: reader, house).status == 403)
            let added = try await Self.post(one, token: token, house)
            #expect(
                added.status == 200 && added.body.hasPrefix(#"{"items":[{"id":1,"result":"added","state":"missing","#))
            #expect(added.body.contains(#""trade_no":"T1","app_id":"\#(LiveHouse.appID)","due_at":"#))
            #expect(added.body.hasSuffix(#""added":1}"#))
            let many = """
                {"items":[\(one),{"query_token":"2GjV8Z/WuK/G+Q=="},
                {"bill_entry_id":"0001","community_id":"C1","due":"2026-01-31","amount":"10.21"}]}
                """
            #expect(try await Self.post(many, token: token, house).body.hasSuffix(#""added":2}"#))
            #expect(
                try await house.count("SELECT count(*) FROM settled.expectations WHERE added_by LIKE 'token % (ops)'")
                    == 3)

            func get(_ query: String) async throws -> Wire.Answer {
                try await Wire.get("/v1/expectations\(query)", token: reader, port: house.port)
            }
            let missing = try await get("?missing=true")
            #expect(missing.status == 200 && missing.body.contains(#""bill_entry_id":"0001""#))
            #expect(missing.body.contains(#""amount":"10.21","amount_fen":1021"#))
            #expect(missing.body.contains(#""trade_no":"T1""#) && !missing.body.contains("2GjV8Z"))
            #expect(missing.body.hasSuffix(#""next_before":null}"#))
            #expect(try await get("?state=waiting").body.contains(#""query_token":"2GjV8Z/WuK/G+Q==""#))
            #expect(try await get("?query_token=2GjV8Z%2FWuK%2FG%2BQ%3D%3D").body.contains("2GjV8Z"))
            #expect(try await get("?state=fulfilled").body == #"{"items":[],"next_before":null}"#)
            #expect(try await !get("?limit=1").body.hasSuffix(#""next_before":null}"#))
            #expect(try await get("/1").body.contains(#""done":"is asked for with the next sweep""#))
            for (query, status) in [
                ("/4711", 404), ("/x", 404), ("/", 404), ("?limit=0", 400), ("?before=x", 400), ("?state=lost", 400),
                ("?missing=1", 400), ("?missing=true&state=missing", 400), ("?trade_no=%00", 400),
                ("?missing=false", 200),
            ] {
                #expect(try await get(query).status == status, "\(query)")
            }
            #expect(try await Wire.get("/v1/expectations", port: house.port).status == 401)
        }
    }

    @Test func `the same key gets the same answer, byte for byte, and another request with it none`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let body = #"{"trade_no":"T1"}"#
            let first = try await Self.post(body, key: "k1", token: token, house)
            let second = try await Self.post(body, key: "k1", token: token, house)
            #expect(first.body == second.body && first.body.contains("added"))
            #expect(try await Self.post(body, token: token, house).body.contains("known"))
            let other = try await Self.post(#"{"trade_no":"T2"}"#, key: "k1", token: token, house)
            #expect(other.status == 422 && other.body.contains("idempotency-key-reused"))
            #expect(try await house.count("SELECT count(*) FROM settled.expectations") == 1)
        }
    }

    @Test func `what cannot be meant is refused in words, and nothing of the request is added`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            for (body, word) in [
                ("", "no JSON object"), ("{}", "exactly one of trade_no"), (#"{"trade_no":"T","x":1}"#, "x: no member"),
                (#"{"trade_no":"T\u0000"}"#, "trade_no: blanks"),
                (#"{"trade_no":"T","app_id":"2021000000000009"}"#, "app_id: no such app"),
                (#"{"items":[{"trade_no":"T1"},{"trade_no":"T 2"}]}"#, "items[1].trade_no"),
                (#"{"items":[{"bill_entry_id":"1","community_id":"C","due":"2026-02-30"}]}"#, "items[0].due"),
            ] {
                let answer = try await Self.post(body, token: token, house)
                #expect(answer.status == 400 && answer.body.contains(word), "\(body): \(answer.body)")
                #expect(answer.header("content-type") == "application/problem+json")
            }
            #expect(try await Self.post("{}", token: token, type: "text/plain", house).status == 415)
            #expect(try await Self.post(#"{"trade_no":"T"}"#, key: "a b", token: token, house).status == 400)
            #expect(try await house.count("SELECT count(*) FROM settled.expectations") == 0)
        }
    }
}
