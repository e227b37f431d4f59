import Synchronization

/// Alipay's certificates that one application believes: the configured one, and those that took its place since.
///
/// Nothing is trusted on first use: a certificate is admitted only when a way leads from it to the pinned roots, when every
/// certificate on that way is within its time, and when it has the number that it was asked for by. All threads share one.
public final class CertificateTrust: Sendable {
    public let roots: RootBundle
    private let allowsLegacySize: Bool
    private let kept: @Sendable (CertificateChain) -> Void
    private let state: Mutex<State>

    private struct State {
        var held: [Held]
        /// Numbers that were asked for in vain, and until when they are not asked for again.
        var refused: [String: (until: Int64, failure: GatewayFailure)] = [:]
        /// Numbers that are being downloaded, with everybody who waits for them.
        var downloads: [String: [CheckedContinuation<Turn, Never>]] = [:]
    }

    private struct Held {
        let chain: CertificateChain
        let key: PublicKey
    }

    /// - Parameters:
    ///   - chain: the configured certificate; it must have been verified against the roots, whoever does that says why not.
    ///   - allowsLegacySize: accepts keys of 1024 to 2047 bits.
    ///   - kept: told each certificate that is downloaded, to keep it over a restart.
    public init(
        _ chain: CertificateChain, roots: RootBundle, allowsLegacySize: Bool = false,
        kept: @escaping @Sendable (CertificateChain) -> Void = { _ in }
    ) throws(KeyError) {
        let key = try chain.leaf.publicKey(allowsLegacySize: allowsLegacySize)
        self.roots = roots
        self.allowsLegacySize = allowsLegacySize
        self.kept = kept
        state = Mutex(State(held: [Held(chain: chain, key: key)]))
    }

    /// What is believed, the configured one first.
    public var chains: [CertificateChain] { state.withLock { $0.held.map(\.chain) } }

    /// Their keys: all of them can have signed what names no certificate.
    public var keys: [PublicKey] { state.withLock { $0.held.map(\.key) } }

    /// The key of the certificate with this number, if it is believed.
    public func key(_ number: String) -> PublicKey? {
        state.withLock { $0.held.first { $0.chain.leaf.number == number }?.key }
    }

    /// Believes a further certificate from now on.
    ///
    /// - Parameters:
    ///   - number: what it was asked for by.
    ///   - now: seconds since 1970.
    public func admit(_ chain: CertificateChain, number: String, at now: Int64) throws(CertificateError) {
        guard chain.leaf.number == number else {
            throw CertificateError(
                .wrongNumber, "the certificate that came is \(chain.leaf.number); \(number) was asked for")
        }
        try roots.verify(chain, at: now)
        let key: PublicKey
        do throws(KeyError) {
            key = try chain.leaf.publicKey(allowsLegacySize: allowsLegacySize)
        } catch {
            throw CertificateError(.key, "the certificate \(number): \(error.message)")
        }
        state.withLock { state in
            guard !state.held.contains(where: { $0.chain.leaf == chain.leaf }) else { return }
            state.held.append(Held(chain: chain, key: key))
        }
    }

    /// How long a number that was refused is not asked for again, so that nobody who invents numbers makes us ask for them.
    static let pause: Int64 = 60
    private static let mostRefused = 64

    /// Gets the certificate with this number, once however many ask at a time.
    ///
    /// - Parameter download: asks the gateway for it; the answer must have been verified with a key that is believed.
    /// - Returns: why it is not believed; nil when it is.
    func obtain(
        _ number: String, now: @Sendable () -> Int64,
        download: () async -> Result<CertificateChain, GatewayFailure>
    ) async -> GatewayFailure? {
        guard number.utf8.count == 32, number.utf8.allSatisfy(\.isLowercaseHexadecimal) else {
            return GatewayFailure(
                kind: .untrusted, cause: "unknown_certificate",
                message: "the answer's alipay_cert_sn is no number of a certificate")
        }
        switch await turn(number, at: now()) {
        case .over(let failure): return failure
        case .lead: break
        }
        let failure: GatewayFailure?
        switch await download() {
        case .failure(let reason): failure = reason
        case .success(let chain):
            do throws(CertificateError) {
                try admit(chain, number: number, at: now())
                kept(chain)
                failure = nil
            } catch {
                failure = GatewayFailure(kind: .untrusted, cause: error.code.rawValue, message: error.message)
            }
        }
        finish(number, failure, at: now())
        return failure
    }

    private enum Turn: Sendable {
        /// It is known how it ended: nil when the certificate is believed.
        case over(GatewayFailure?)
        /// The caller downloads, and everybody else waits for it.
        case lead
    }

    private func turn(_ number: String, at time: Int64) async -> Turn {
        await withCheckedContinuation { continuation in
            let turn = state.withLock { state -> Turn? in
                if state.held.contains(where: { $0.chain.leaf.number == number }) { return .over(nil) }
                if let (until, failure) = state.refused[number], time < until { return .over(failure) }
                if state.downloads[number] != nil {
                    state.downloads[number]?.append(continuation)
                    return nil
                }
                state.downloads[number] = []
                return .lead
            }
            if let turn { continuation.resume(returning: turn) }
        }
    }

    private func finish(_ number: String, _ failure: GatewayFailure?, at time: Int64) {
        let waiting = state.withLock { state in
            state.refused = state.refused.filter { time < $0.value.until }
            // A gateway that cannot be reached says nothing about the certificate: that is asked again at once.
            if let failure, failure.kind != .transport, state.refused.count < Self.mostRefused {
                state.refused[number] = (time + Self.pause, failure)
            }
            return state.downloads.removeValue(forKey: number) ?? []
        }
        for continuation in waiting { continuation.resume(returning: .over(failure)) }
    }
}

extension UInt8 {
    fileprivate var isLowercaseHexadecimal: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self)
    }
}
