import Logging
import Postgres
import Settlement
import Telemetry
import Testing
import Web

/// The feed as a billing developer's client sees it.
@Suite struct FeedRouteTests {
    private static let insert = """
        WITH proof AS (
            INSERT INTO settled.evidence (job_id, method, assurance, answer, signature, key_fingerprint, verified_at)
            SELECT n, 'm', 'signed', '\\x7b7d', 's', 'k', now() FROM generate_series(%FROM%, %TO%) n RETURNING id, job_id
        )
        INSERT INTO settled.settlements
            (kind, trade_no, app_id, seller_id, total_fen, trade_status, assurance, evidence_id, job_id)
        SELECT 'payment', 'T' || job_id, 'app', '2088', 1021, 'TRADE_SUCCESS', 'signed', id, job_id FROM proof
        """

    private static func settle(_ range: ClosedRange<Int>, _ house: LiveHouse) async throws {
        let connection = Connection(house.database)
        try await connection.connect()
        try await connection.execute(
            insert.replacing("%FROM%", with: "\(range.lowerBound)").replacing("%TO%", with: "\(range.upperBound)"))
        await connection.close()
    }

    private static func sequence(_ house: LiveHouse) async throws {
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let pool = Pool(house.database, lanes: [Sequencer.lane: 1], logger: logger)
        let sequencer = Sequencer(
            pool: pool, signal: Signal(), metrics: Metrics(), logger: logger,
            published: { [watch = house.watch] in watch.advanced(to: $0) })
        try await sequencer.runOnce()
        await pool.close()
    }

    @Test func `without a token, with a wrong one, or a revoked one, nothing is shown`() async throws {
        try await LiveHouse.with { house in
            let none = try await Wire.get("/v1/settlements/feed", port: house.port)
            #expect(none.status == 401)
            #expect(none.header("www-authenticate") == "Bearer")
            #expect(none.header("content-type") == "application/problem+json")
            let guessed = try await Wire.get("/v1/settlements/feed", token: "settled_guess", port: house.port)
            #expect(guessed.status == 401)
            let (text, token) = try await house.tokens.create(name: "t", scope: .read, actor: "test")
            _ = try await house.tokens.revoke(token.id, actor: "test")
            #expect(try await Wire.get("/v1/settlements/feed", token: text, port: house.port).status == 401)
        }
    }

    @Test func `items come in order, in pages, and an empty answer's next is the reader's after`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            let empty = try await Wire.get("/v1/settlements/feed?after=0", token: token, port: house.port)
            #expect(empty.body == #"{"feed_id":"main","head":0,"items":[],"next":0}"#)
            try await Self.settle(1...3, house)
            try await Self.sequence(house)
            let page = try await Wire.get("/v1/settlements/feed?after=0&limit=2", token: token, port: house.port)
            #expect(
                page.body.hasPrefix(
                    #"{"feed_id":"main","head":3,"items":[{"seq":1,"settlement":{"id":1,"kind":"payment""#))
            #expect(page.body.hasSuffix(#""next":2}"#))
            let rest = try await Wire.get("/v1/settlements/feed?after=2", token: token, port: house.port)
            #expect(rest.body.contains(#"{"seq":3,"#))
            #expect(rest.body.hasSuffix(#""next":3}"#))
            let end = try await Wire.get("/v1/settlements/feed?after=3", token: token, port: house.port)
            #expect(end.body == #"{"feed_id":"main","head":3,"items":[],"next":3}"#)
        }
    }

    @Test(arguments: [
        "after=-1", "after=x", "after=99999999999999999999", "limit=0", "limit=1001", "limit=1000000000", "wait=31",
        "wait=-1", "after_hash=12", "after_hash=zz",
    ])
    func `a parameter out of range is a problem that names it`(query: String) async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            let answer = try await Wire.get("/v1/settlements/feed?\(query)", token: token, port: house.port)
            #expect(answer.status == 400)
            #expect(answer.body.contains("urn:problem-type:settled:invalid-parameter"))
            #expect(answer.body.contains(query.prefix { $0 != "=" }))
        }
    }

    @Test func `a reader whose hash is another one is told that the feeds have parted`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            try await Self.settle(1...2, house)
            try await Self.sequence(house)
            let wrong = String(repeating: "ab", count: 32)
            let answer = try await Wire.get(
                "/v1/settlements/feed?after=1&after_hash=\(wrong)", token: token, port: house.port)
            #expect(answer.status == 409)
            #expect(answer.body.contains("feed-forked"))
            let genesis = String(repeating: "00", count: 32)
            let right = try await Wire.get(
                "/v1/settlements/feed?after=0&after_hash=\(genesis)", token: token, port: house.port)
            #expect(right.status == 200)
        }
    }

    @Test func `a long poll is answered as soon as an item is published, past the idle timeout`() async throws {
        var limits = WebLimits()
        limits.idle = .milliseconds(300)
        try await LiveHouse.with(limits: limits) { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            async let answer = Wire.get(
                "/v1/settlements/feed?after=0&wait=20", token: token, port: house.port, limit: 60_000)
            while house.watch.waiting == 0 { await Task.yield() }
            // Longer than a connection may be idle; the poll must be held all the same.
            try await Task.sleep(for: .milliseconds(700))
            try await Self.settle(1...1, house)
            try await Self.sequence(house)
            #expect(try await answer.body.contains(#"{"seq":1,"#))
        }
    }

    @Test func `a settlement is found by its id and by its trade`() async throws {
        try await LiveHouse.with { house in
            let token = try await house.tokens.create(name: "t", scope: .read, actor: "test").text
            try await Self.settle(1...2, house)
            let one = try await Wire.get("/v1/settlements/2", token: token, port: house.port)
            #expect(one.body.contains(#""trade_no":"T2""#))
            let found = try await Wire.get("/v1/settlements?trade_no=T1", token: token, port: house.port)
            #expect(found.body.contains(#""trade_no":"T1""#))
            #expect(!found.body.contains(#""trade_no":"T2""#))
            #expect(try await Wire.get("/v1/settlements/99", token: token, port: house.port).status == 404)
            #expect(try await Wire.get("/v1/settlements/x'y", token: token, port: house.port).status == 404)
        }
    }
}
