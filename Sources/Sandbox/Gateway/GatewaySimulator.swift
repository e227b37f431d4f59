import Alipay
import Logging
import ServiceLifecycle
import Wire

/// Alipay's OpenAPI gateway on loopback, over real HTTP with real signatures: it answers `alipay.eco.cplife.pay.result.query`
/// and `alipay.ebpp.pdeduct.sign.query` from truths of its own (`book`, `agreements`), verifies what it is asked, and fails in
/// every way that it was told to.
///
/// ```swift
/// let gateway = GatewaySimulator(appID: id, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens)
/// // run it in a service group, then:
/// let url = try await gateway.url   // http://127.0.0.1:40123/gateway.do
/// ```
public final class GatewaySimulator: Service {
    public let book: TradeBook
    /// What the platform signs with and whom it believes; may be changed while the gateway runs.
    public let seal: PlatformSeal
    private let office: AnswerOffice
    private let payResults: PayResultCounter
    private let server: LoopbackServer

    /// - Parameters:
    ///   - appID: the one app that may ask; every other id is refused, unsigned.
    ///   - agreements: the withholding agreements that are in force.
    ///   - tokens: `app_auth_token`s that exist. A trade with a token is shown to its holder alone.
    ///   - certificates: plays certificate mode with these, instead of key mode.
    ///   - contentKey: opens encrypted calls, and encrypts the answers to them.
    ///   - timestampTolerance: how far a call's `timestamp` may be from this machine's clock; nil does not look.
    ///   - port: 0 takes a free one.
    public init(
        appID: String, keys: SandboxKeys, book: TradeBook, agreements: AgreementBook = AgreementBook(),
        tokens: Set<String> = [], rates: FaultRates = .none,
        algorithms: Set<SignatureAlgorithm> = [.rsa2], certificates: SandboxCertificates? = nil,
        contentKey: ContentKey? = nil, timestampTolerance: Duration? = .seconds(900),
        host: String = "127.0.0.1", port: Int = 0,
        logger: Logger = Logger(label: "sandbox.gateway", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.book = book
        let seal = PlatformSeal(keys, appID: appID, certificates: certificates, tokens: tokens)
        self.seal = seal
        let check = GatewayCheck(
            appID: appID, seal: seal, contentKey: contentKey, algorithms: algorithms, clock: { WallClock.seconds() },
            tolerance: timestampTolerance.map { $0.components.seconds })
        let office = AnswerOffice(seal: seal, strangerKey: keys.stranger, contentKey: contentKey)
        let payResults = PayResultCounter(book: book, rates: rates)
        self.office = office
        self.payResults = payResults
        let desk = GatewayDesk(
            check: check, office: office,
            counters: [payResults, AgreementCounter(book: agreements), CertificateCounter(seal: seal)],
            refused: { book.noteRefusal($0) })
        server = LoopbackServer(host: host, port: port, logger: logger) { request in
            guard request.path == "/gateway.do" else { return .page(404) }
            guard request.method == "POST" else { return .page(405) }
            return try desk.reply(query: request.query, body: request.body)
        }
    }

    /// Where to ask, once the server listens. Waits for it; throws when it could not start.
    public var url: String {
        get async throws { try await server.origin + "/gateway.do" }
    }

    public var truth: Truth { book.truth }

    /// Signs the answers of all trades now, so that answering costs no signature later: for measuring others, not the sandbox.
    public func presign(charset: Charset = .utf8, algorithm: SignatureAlgorithm = .rsa2) async throws {
        let trades = book.staged
        let share = max(1, trades.count / 16)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: trades.count, by: share) {
                group.addTask { @concurrent in
                    for staged in trades[start..<min(start + share, trades.count)] {
                        _ = try self.payResults.signedBody(staged, charset, algorithm, self.office)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    public func run() async throws { try await server.run() }

    /// Runs the gateway for as long as `body` takes, and gives it the address.
    public func whileRunning<Result: Sendable>(
        _ body: (_ url: String) async throws -> Result
    ) async throws -> Result {
        try await server.whileRunning { origin in try await body(origin + "/gateway.do") }
    }
}
