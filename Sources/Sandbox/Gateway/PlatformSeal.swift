import Alipay
import Synchronization

/// What the platform signs with and whom it believes, all of which may change while the play goes on: Alipay's key or
/// certificate, the application's key, the merchants' tokens.
public final class PlatformSeal: Sendable {
    /// What answers are signed with now.
    struct Signer: Sendable {
        var key: PrivateKey
        /// Certificate mode: sent as `alipay_cert_sn`.
        var certificateNumber: String?
    }

    /// What calls in certificate mode must name.
    struct CertificateNumbers: Sendable {
        var app: String
        var root: String
    }

    private struct State {
        var signer: Signer
        /// The signer before the last renewal: the one that callers still know.
        var previous: Signer?
        var appKey: PublicKey
        var numbers: CertificateNumbers?
        /// PEM by number.
        var certificates: [String: String] = [:]
        var downloads = 0
        /// The token that trades know, by the token that is valid now.
        var tokens: [String: String]
    }

    private let state: Mutex<State>
    private let authority: SandboxAuthority?
    private let appID: String

    init(_ keys: SandboxKeys, appID: String, certificates: SandboxCertificates?, tokens: Set<String>) {
        authority = certificates?.authority
        self.appID = appID
        var state = State(
            signer: Signer(key: keys.alipay), appKey: keys.app.publicKey,
            tokens: Dictionary(uniqueKeysWithValues: tokens.map { ($0, $0) }))
        if let certificates {
            state.signer.certificateNumber = certificates.alipayNumber
            state.certificates[certificates.alipayNumber] = certificates.alipay
            state.numbers = CertificateNumbers(app: certificates.appNumber, root: certificates.rootNumber)
        }
        self.state = Mutex(state)
    }

    var signer: Signer { state.withLock { $0.signer } }
    var appKey: PublicKey { state.withLock { $0.appKey } }
    var numbers: CertificateNumbers? { state.withLock { $0.numbers } }

    /// Signs as those expect who have not heard of the last renewal.
    var knownSigner: Signer { state.withLock { $0.previous ?? $0.signer } }

    /// The token that trades were written down with, if `token` is valid.
    func original(of token: String) -> String? { state.withLock { $0.tokens[token] } }

    func download(_ number: String) -> String? {
        state.withLock { state in
            state.downloads += 1
            return state.certificates[number]
        }
    }

    // MARK: Changes

    /// How often a certificate was asked for.
    public var downloads: Int { state.withLock { $0.downloads } }

    /// Key mode: the platform signs with another key from now on.
    public func changeKey(to key: PrivateKey) { state.withLock { $0.signer.key = key } }

    /// Certificate mode: the platform signs with a renewed certificate from now on.
    ///
    /// - Parameter pem: the certificate and its issuer; nil has the authority issue a good one.
    /// - Returns: its number.
    @discardableResult
    public func renewCertificate(of key: PrivateKey, pem: String? = nil) throws -> String {
        guard let authority else {
            throw SandboxError(.certificate, "the gateway does not play certificate mode")
        }
        let count = state.withLock { $0.certificates.count }
        let text =
            try pem
            ?? authority.certificate(of: key, named: "Alipay-\(appID)", serial: 0x2001 + UInt64(count))
        let number = try Certificate(text: text).number
        state.withLock { state in
            state.previous = state.previous ?? state.signer
            state.certificates[number] = text
            state.signer = Signer(key: key, certificateNumber: number)
        }
        return number
    }

    /// The application uploaded another key: calls signed with the old one are refused.
    public func changeAppKey(to key: PublicKey) { state.withLock { $0.appKey = key } }

    /// The merchant authorised the app anew: `old` is refused from now on, and `new` sees what it saw.
    public func replaceToken(_ old: String, with new: String) {
        state.withLock { state in
            guard let original = state.tokens.removeValue(forKey: old) else { return }
            state.tokens[new] = original
        }
    }
}
