import Logging
import ServiceLifecycle

/// Taobao's Open Platform on loopback, over real HTTP: it answers `alibaba.idle.agreement.pay.query` from a truth of its own
/// (`book`), verifies what it is asked by any of the three methods, bans who asks too often, and fails as it was told to.
///
/// ```swift
/// let platform = TOPSimulator(appKey: "12345678", secret: "…", book: OrderBook(orders, session: "…"))
/// // run it in a service group, then:
/// let url = try await platform.url   // http://127.0.0.1:40123/router/rest
/// ```
public final class TOPSimulator: Service {
    public let book: OrderBook
    private let server: LoopbackServer

    /// - Parameters:
    ///   - writesYuan: whether amounts are in yuan; fen unless told.
    ///   - timestampTolerance: how far a call's timestamp may be from this machine's clock.
    ///   - port: 0 takes a free one.
    public init(
        appKey: String, secret: String, book: OrderBook, writesYuan: Bool = false,
        timestampTolerance: Duration = .seconds(600), host: String = "127.0.0.1", port: Int = 0,
        logger: Logger = Logger(label: "sandbox.top", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.book = book
        let check = TOPCheck(
            appKey: appKey, secret: secret, clock: { WallClock.seconds() },
            tolerance: timestampTolerance.components.seconds)
        let desk = TOPDesk(check: check, book: book, writesYuan: writesYuan)
        server = LoopbackServer(host: host, port: port, logger: logger) { request in
            guard request.path == "/router/rest" else { return .page(404) }
            guard request.method == "POST" else { return .page(405) }
            // System parameters may stand in the URL; all of them are signed together.
            return desk.reply(request.query.isEmpty ? request.body : request.query + [0x26] + request.body)
        }
    }

    /// Where to ask, once the simulator listens. Waits for it; throws when it could not start.
    public var url: String {
        get async throws { try await server.origin + "/router/rest" }
    }

    public func run() async throws { try await server.run() }

    /// Runs the simulator for as long as `body` takes, and gives it the address.
    public func whileRunning<Result: Sendable>(
        _ body: (_ url: String) async throws -> Result
    ) async throws -> Result {
        try await server.whileRunning { origin in try await body(origin + "/router/rest") }
    }
}
