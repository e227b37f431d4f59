import Alipay
import Postgres
import Synchronization
import Wire

/// Bearer tokens of the readers and operators. A token is shown once, when it is made; what is kept is its digest.
public struct TokenStore: Sendable {
    public enum Scope: String, Sendable, CaseIterable, Comparable {
        case read, operate, admin

        public static func < (a: Scope, b: Scope) -> Bool {
            let order = Scope.allCases
            return (order.firstIndex(of: a) ?? 0) < (order.firstIndex(of: b) ?? 0)
        }
    }

    public struct Token: Sendable, Hashable {
        public let id: Int64
        public let name: String
        public let scope: Scope
        public let createdAt: Timestamp
        public let revokedAt: Timestamp?
    }

    public static let lane: Lane = "read"
    /// What every token begins with, so that one that leaked can be recognised.
    public static let prefix = "settled_"

    private let pool: Pool

    public init(pool: Pool) { self.pool = pool }

    static let insert = Statement(
        "tokens.insert",
        "INSERT INTO settled.tokens (name, scope, digest) VALUES ($1, $2, $3) RETURNING id, name, scope, created_at, revoked_at"
    )
    static let list = Statement(
        "tokens.list", "SELECT id, name, scope, created_at, revoked_at FROM settled.tokens ORDER BY id")
    static let find = Statement(
        "tokens.find",
        "SELECT id, name, scope, created_at, revoked_at FROM settled.tokens WHERE digest = $1 AND revoked_at IS NULL")
    static let revoke = Statement(
        "tokens.revoke",
        """
        UPDATE settled.tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
        RETURNING id, name, scope, created_at, revoked_at
        """)
    static let audit = Statement(
        "audit.insert", "INSERT INTO settled.audit_log (actor, action, subject, reason) VALUES ($1, $2, $3, $4)")

    /// Makes a token. The text is returned here and can never be read again.
    public func create(name: String, scope: Scope, actor: String) async throws -> (text: String, token: Token) {
        let text = Self.prefix + Self.randomText()
        let digest = Digest.sha256(Array(text.utf8))
        let token = try await pool.transaction(Self.lane) { tx in
            let rows = try tx.query(Self.insert, [.text(name), .text(scope.rawValue), .bytea(digest)])
            _ = try tx.query(
                Self.audit, [.text(actor), .text("token.create"), .text(name), .text("scope \(scope.rawValue)")])
            return try rows.first.map(Token.init)
        }
        guard let token else { throw TokenError.notCreated }
        return (text, token)
    }

    public func list() async throws -> [Token] {
        try await pool.query(Self.lane, Self.list).map(Token.init)
    }

    /// Ends a token; nil when there is none of that id that still works.
    public func revoke(_ id: Int64, actor: String) async throws -> Token? {
        try await pool.transaction(Self.lane) { tx in
            guard let row = try tx.query(Self.revoke, [.int8(id)]).first else { return nil }
            let token = try Token(row)
            _ = try tx.query(Self.audit, [.text(actor), .text("token.revoke"), .text(token.name), .null])
            return token
        }
    }

    /// The token whose text is `text`, if it still works.
    public func find(_ text: String) async throws -> Token? {
        guard text.hasPrefix(Self.prefix), text.utf8.count <= 128 else { return nil }
        let rows = try await pool.query(Self.lane, Self.find, [.bytea(Digest.sha256(Array(text.utf8)))])
        return try rows.first.map(Token.init)
    }

    private static func randomText() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
        return String((0..<43).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }
}

public enum TokenError: Error, Sendable {
    case notCreated
}

extension TokenStore.Token {
    init(_ row: Row) throws {
        self.init(
            id: try row.int8("id"), name: try row.text("name"),
            scope: TokenStore.Scope(rawValue: try row.text("scope")) ?? .read,
            createdAt: try row.timestamptz("created_at"), revokedAt: try row.timestamptzOrNil("revoked_at"))
    }
}
