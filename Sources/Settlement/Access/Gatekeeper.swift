import Alipay
import Synchronization
import Wire

/// Answers "may this token do that?" without a question to the database each time.
///
/// A found token is believed for ten seconds, so a revoked one works for ten seconds more at most. What is not found is
/// not remembered: anybody could fill the memory with guesses.
public final class Gatekeeper: Sendable {
    private struct Known {
        let token: TokenStore.Token
        let until: ContinuousClock.Instant
    }

    private let store: TokenStore
    private let believedFor: Duration
    private let known = Mutex<[[UInt8]: Known]>([:])

    public init(store: TokenStore, believedFor: Duration = .seconds(10)) {
        self.store = store
        self.believedFor = believedFor
    }

    /// The token, if its scope is enough.
    public func admit(_ text: String, scope: TokenStore.Scope) async throws -> TokenStore.Token? {
        let key = Digest.sha256(Array(text.utf8))
        let now = ContinuousClock.now
        if let hit = known.withLock({ $0[key] }), hit.until > now {
            return hit.token.scope >= scope ? hit.token : nil
        }
        guard let token = try await store.find(text) else {
            _ = known.withLock { $0.removeValue(forKey: key) }
            return nil
        }
        known.withLock { known in
            if known.count >= 4096 { known = known.filter { $0.value.until > now } }
            known[key] = Known(token: token, until: now + believedFor)
        }
        return token.scope >= scope ? token : nil
    }
}
