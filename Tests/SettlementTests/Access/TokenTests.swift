import Alipay
import Postgres
import TestSupport
import Testing

@testable import Settlement

@Suite(.database, .timeLimit(.minutes(5))) struct TokenTests {
    @Test func `a token is shown once and kept as a digest`() async throws {
        try await TestHouse.withPool { pool in
            let store = TokenStore(pool: pool)
            let (text, token) = try await store.create(name: "billing", scope: .read, actor: "ann")
            #expect(text.hasPrefix(TokenStore.prefix))
            #expect(text.count == TokenStore.prefix.count + 43)
            #expect(try await store.find(text) == token)
            #expect(try await store.list() == [token])
            for wrong in [
                "", text + "x", String(text.dropLast()), text.lowercased(), String(repeating: "a", count: 1_000_000),
            ] {
                #expect(try await store.find(wrong) == nil)
            }
            let second = try await store.create(name: "billing", scope: .admin, actor: "ann").text
            #expect(second != text)
            let database = try TestDatabase.current
            #expect(
                try await database.number(
                    "SELECT count(*) FROM settled.tokens t WHERE digest = sha256('\(text)') AND NOT t::text LIKE '%\(text)%'"
                ) == 1)
            #expect(
                try await database.number("SELECT count(*) FROM settled.audit_log a WHERE a::text LIKE '%\(text)%'")
                    == 0)
        }
    }

    @Test func `a revoked token works no more, and both deeds are on record`() async throws {
        try await TestHouse.withPool { pool in
            let store = TokenStore(pool: pool)
            let (text, token) = try await store.create(name: "billing", scope: .operate, actor: "ann")
            let revoked = try await store.revoke(token.id, actor: "bob")
            #expect(revoked?.revokedAt != nil)
            #expect(try await store.find(text) == nil)
            #expect(try await store.revoke(token.id, actor: "bob") == nil)
            #expect(try await store.revoke(99, actor: "bob") == nil)
            #expect(
                try await TestDatabase.current.text(
                    "SELECT string_agg(actor || ' ' || action || ' ' || subject, ',' ORDER BY id) FROM settled.audit_log"
                )
                    == "ann token.create billing,bob token.revoke billing")
        }
    }

    @Test func `a scope includes those below it`() async throws {
        try await TestHouse.withPool { pool in
            let store = TokenStore(pool: pool)
            let keeper = Gatekeeper(store: store)
            for scope in TokenStore.Scope.allCases {
                let text = try await store.create(name: "t", scope: scope, actor: "ann").text
                for asked in TokenStore.Scope.allCases {
                    // Twice: the second time from memory.
                    for _ in 0..<2 {
                        let isAdmitted = try await keeper.admit(text, scope: asked) != nil
                        #expect(isAdmitted == (asked <= scope), "\(scope) asks for \(asked)")
                    }
                }
            }
            #expect(try await keeper.admit("settled_guess", scope: .read) == nil)
        }
    }

    @Test func `a revoked token is believed for as long as was agreed and no longer`() async throws {
        try await TestHouse.withPool { pool in
            let store = TokenStore(pool: pool)
            let trusting = Gatekeeper(store: store, believedFor: .seconds(3600))
            let wary = Gatekeeper(store: store, believedFor: .zero)
            let (text, token) = try await store.create(name: "t", scope: .read, actor: "ann")
            #expect(try await trusting.admit(text, scope: .read) != nil)
            #expect(try await wary.admit(text, scope: .read) != nil)
            _ = try await store.revoke(token.id, actor: "ann")
            #expect(try await trusting.admit(text, scope: .read) != nil)
            #expect(try await wary.admit(text, scope: .read) == nil)
        }
    }
}
