import HTTPTypes
import Hummingbird
import Settlement

/// Lets a request through whose bearer token has the scope that it needs.
struct BearerGate: Sendable {
    let gatekeeper: Gatekeeper

    @discardableResult
    func pass(_ request: Request, scope: TokenStore.Scope) async throws -> TokenStore.Token {
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") else {
            throw Problem.unauthorized
        }
        let text = header.dropFirst("bearer ".count).trimmingPrefix { $0 == " " }
        if let token = try await gatekeeper.admit(String(text), scope: scope) { return token }
        throw try await gatekeeper.admit(String(text), scope: .read) == nil ? Problem.unauthorized : Problem.forbidden
    }
}

/// Lets a request in whose method is one of `methods` and whose token has the scope, and says whose token it is.
typealias Entrance = (_ methods: String, _ scope: TokenStore.Scope) async throws -> TokenStore.Token
