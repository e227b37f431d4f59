import HTTPTypes
import Hummingbird
import Settlement

/// Lets a request through whose bearer token has the scope that it needs.
struct BearerGate: Sendable {
    let gatekeeper: Gatekeeper

    func pass(_ request: Request, scope: TokenStore.Scope) async throws {
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") else {
            throw Problem.unauthorized
        }
        let text = header.dropFirst("bearer ".count).trimmingPrefix { $0 == " " }
        if try await gatekeeper.admit(String(text), scope: scope) != nil { return }
        throw try await gatekeeper.admit(String(text), scope: .read) == nil ? Problem.unauthorized : Problem.forbidden
    }
}
