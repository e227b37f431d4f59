import Alipay
import Synchronization
import Wire

/// Answers that were signed once and can be sent again. The key holds everything that the bytes depend on, so an entry is
/// never stale; the number of entries is bounded.
final class SignedAnswers: Sendable {
    struct Key: Hashable, Sendable {
        var trade: Trade
        var shape: AnswerShape
        var charset: Charset
        var algorithm: SignatureAlgorithm
        /// The fingerprint of the key, and the certificate that is named.
        var signer: String
        var certificateNumber: String?
    }

    private let limit: Int
    private let bodies = Mutex<[Key: [UInt8]]>([:])

    init(limit: Int = 200_000) { self.limit = limit }

    /// The kept answer, or the one made now. Two callers at once may both sign; the bytes are the same.
    func body(_ key: Key, _ make: () throws -> [UInt8]) rethrows -> [UInt8] {
        if let kept = bodies.withLock({ $0[key] }) { return kept }
        let made = try make()
        bodies.withLock { if $0.count < limit { $0[key] = made } }
        return made
    }
}
