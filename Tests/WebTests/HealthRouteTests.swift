import Postgres
import Testing
import Web

/// What a balancer, a supervisor and a metrics collector see.
@Suite struct HealthRouteTests {
    @Test func `a program that can store is live and ready, and shows its metrics on the admin listener alone`()
        async throws
    {
        try await LiveHouse.with { house in
            #expect(try await Wire.get("/livez", port: house.port).body == "ok\n")
            #expect(try await Wire.get("/readyz", port: house.port).body == "ready\n")
            #expect(try await Wire.get("/metrics", port: house.port).status == 404)
            let metrics = try await Wire.get("/metrics", port: house.adminPort)
            #expect(metrics.status == 200)
            #expect(metrics.body.contains("# TYPE settled_notifications_received_total counter"))
        }
    }

    @Test func `a program that is shutting down is live and not ready`() async throws {
        try await LiveHouse.with(isStopping: { true }) { house in
            #expect(try await Wire.get("/livez", port: house.port).status == 200)
            let answer = try await Wire.get("/readyz", port: house.port)
            #expect(answer.status == 503)
            #expect(answer.body == "not ready: shutting down\n")
        }
    }

    @Test func `a read-only database makes the program unready, and a notification is turned away unacknowledged`()
        async throws
    {
        try await LiveHouse.with { house in
            let connection = Connection(house.database)
            try await connection.connect()
            let name = try #require(
                try await connection.query(Statement("n", "SELECT current_database()")).first?.text(0))
            try await connection.execute("ALTER DATABASE \(name) SET default_transaction_read_only = on")
            await connection.close()
            let answer = try await Wire.get("/readyz", port: house.port)
            #expect(answer.status == 503)
            #expect(answer.body == "not ready: the database is read-only\n")
            let body = try LiveHouse.notification(tradeNo: "2026112000000000000000000009")
            let refused = try await Wire.post("/notify/plain", body, port: house.port)
            #expect(refused.status == 503)
            #expect(refused.body == "fail")
            #expect(refused.header("retry-after") != nil)
            #expect(try await house.count("SELECT count(*) FROM settled.deliveries") == 0)
        }
    }
}
