import Settlement
import Testing
import Web

/// Withholding orders as another program sees them.
@Suite struct WithholdingRouteTests {
    private static func post(
        _ body: String, key: String? = nil, token: String, type: String = "application/json", _ house: LiveHouse
    ) async throws -> Wire.Answer {
        var head = "POST /v1/withholdings HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \(token)\r\n"
        head += "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
        if let key { head += "Idempotency-Key: \(key)\r\n" }
        return try await Wire.exchange(head + "\r\n" + body, port: house.port)
    }

    @Test func `orders are added by who may operate, once, and looked up by who may read`() async throws {
        try await LiveHouse.with { house in
            let reader = try await house.tokens.create(name: "r", scope: .read, actor: "test").text
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let one = #"{"biz_order_id":"12838882","pay_biz_code":"R1"}"#
            #expect(try await Self.post(one, token: reader, house).status == 403)
            let added = try await Self.post(one, token: token, house)
            #expect(added.status == 200)
            #expect(
                added.body.hasPrefix(
                    #"{"items":[{"biz_order_id":"12838882","pay_biz_code":"R1","result":"added","job_id":"#))
            #expect(added.body.hasSuffix(#""added":1}"#))
            let many = #"{"items":[\#(one),{"biz_order_id":"a b","pay_biz_code":"R1"}]}"#.replacing(
                "a b", with: "订单%2F2")
            #expect(try await Self.post(many, token: token, house).body.hasSuffix(#""added":1}"#))
            #expect(try await house.count("SELECT count(*) FROM settled.jobs WHERE queue = 'withholding'") == 2)
            #expect(
                try await house.count("SELECT count(*) FROM settled.withholdings WHERE added_by LIKE 'token % (ops)'")
                    == 2)

            let page = try await Wire.get("/v1/withholdings?limit=1", token: reader, port: house.port)
            #expect(page.status == 200 && page.body.contains(#""biz_order_id":"订单%2F2""#))
            #expect(page.body.contains(#""pay_status":null"#) && !page.body.hasSuffix(#""next_before":null}"#))
            let none = try await Wire.get("/v1/withholdings?pay_status=FAILED", token: reader, port: house.port)
            #expect(none.body == #"{"items":[],"next_before":null}"#)
            let shown = try await Wire.get("/v1/withholdings/12838882", token: reader, port: house.port)
            #expect(shown.body.contains(#""job_state":"ready""#) && shown.body.contains(#""history":[]"#))
            let encoded = "/v1/withholdings/%E8%AE%A2%E5%8D%95%252F2"
            #expect(try await Wire.get(encoded, token: reader, port: house.port).status == 200)
            for (path, status) in [
                ("/v1/withholdings/4711", 404), ("/v1/withholdings/", 404), ("/v1/withholdings/%00", 400),
                ("/v1/withholdings/%FF", 404), ("/v1/withholdings?limit=0", 400), ("/v1/withholdings?before=x", 400),
                ("/v1/withholdings?pay_status=%00", 400),
            ] {
                #expect(try await Wire.get(path, token: reader, port: house.port).status == status, "\(path)")
            }
            #expect(try await Wire.get("/v1/withholdings", port: house.port).status == 401)
        }
    }

    @Test func `one id of two businesses needs the business named`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let body = #"{"items":[{"biz_order_id":"1","pay_biz_code":"R1"},{"biz_order_id":"1","pay_biz_code":"R2"}]}"#
            #expect(try await Self.post(body, token: token, house).body.hasSuffix(#""added":2}"#))
            let both = try await Wire.get("/v1/withholdings/1", token: token, port: house.port)
            #expect(both.status == 400 && both.body.contains("R2, R1"))
            let one = try await Wire.get("/v1/withholdings/1?pay_biz_code=R2", token: token, port: house.port)
            #expect(one.status == 200 && one.body.contains(#""pay_biz_code":"R2""#))
        }
    }

    @Test func `the same key gets the same answer, byte for byte, and another request with it none`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let body = #"{"biz_order_id":"1","pay_biz_code":"R1"}"#
            let first = try await Self.post(body, key: "k1", token: token, house)
            let second = try await Self.post(body, key: "k1", token: token, house)
            #expect(first.body == second.body && first.body.contains("added"))
            #expect(try await Self.post(body, token: token, house).body.contains("known"))
            let other = try await Self.post(
                #"{"biz_order_id":"2","pay_biz_code":"R1"}"#, key: "k1", token: token, house)
            #expect(other.status == 422 && other.body.contains("idempotency-key-reused"))
            #expect(try await house.count("SELECT count(*) FROM settled.withholdings") == 1)
        }
    }

    @Test func `what cannot be meant is refused in words, and nothing is added`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            for (body, word) in [
                ("", "no JSON object"), ("[]", "no JSON object"), ("{}", "biz_order_id"),
                (#"{"biz_order_id":1,"pay_biz_code":"R1"}"#, "biz_order_id: a string"),
                (#"{"biz_order_id":"1"}"#, "pay_biz_code"),
                (#"{"biz_order_id":"1","pay_biz_code":"R 1"}"#, "pay_biz_code"),
                (#"{"biz_order_id":"1","pay_biz_code":"R1","x":1}"#, "x: no member"), (#"{"items":[]}"#, "items"),
                (#"{"items":[{"biz_order_id":"1","pay_biz_code":"R1"},{}]}"#, "items[1].biz_order_id"),
                (#"{"items":[{"biz_order_id":"1","pay_biz_code":"R1"}],"x":1}"#, "items"),
            ] {
                let answer = try await Self.post(body, token: token, house)
                #expect(answer.status == 400 && answer.body.contains(word), "\(body): \(answer.body)")
                #expect(answer.header("content-type") == "application/problem+json")
            }
            let valid = #"{"biz_order_id":"1","pay_biz_code":"R1"}"#
            #expect(try await Self.post(valid, token: token, type: "text/plain", house).status == 415)
            #expect(try await Self.post(valid, key: "a b", token: token, house).status == 400)
            #expect(try await house.count("SELECT count(*) FROM settled.withholdings") == 0)
        }
    }

    @Test func `without withholding in the configuration there is nothing at the path`() async throws {
        try await LiveHouse.with(withholding: false) { house in
            let token = try await house.tokens.create(name: "ops", scope: .operate, actor: "test").text
            let answer = try await Wire.get("/v1/withholdings", token: token, port: house.port)
            #expect(answer.status == 404 && answer.body.contains("not configured"))
            #expect(try await Self.post("{}", token: token, house).status == 404)
        }
    }
}
