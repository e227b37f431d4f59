import Alipay
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Alipay's OpenAPI gateway on loopback, over real HTTP with real signatures: it answers `alipay.eco.cplife.pay.result.query`
/// from a truth of its own (`book`), verifies what it is asked, and fails in every way that it was told to.
///
/// ```swift
/// let gateway = GatewaySimulator(appID: id, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens)
/// // run it in a service group, then:
/// let url = try await gateway.url   // http://127.0.0.1:40123/gateway.do
/// ```
public final class GatewaySimulator: Service {
    public let book: TradeBook
    private let desk: GatewayDesk
    private let host: String
    private let port: Int
    private let logger: Logger
    private let started = StartedServer()

    /// - Parameters:
    ///   - appID: the one app that may ask; every other id is refused, unsigned.
    ///   - tokens: `app_auth_token`s that exist. A trade with a token is shown to its holder alone.
    ///   - timestampTolerance: how far a call's `timestamp` may be from this machine's clock; nil does not look.
    ///   - port: 0 takes a free one.
    public init(
        appID: String, keys: SandboxKeys, book: TradeBook, tokens: Set<String> = [], rates: FaultRates = .none,
        algorithms: Set<SignatureAlgorithm> = [.rsa2], timestampTolerance: Duration? = .seconds(900),
        host: String = "127.0.0.1", port: Int = 0,
        logger: Logger = Logger(label: "sandbox.gateway", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.book = book
        self.host = host
        self.port = port
        self.logger = logger
        let check = GatewayCheck(
            appID: appID, appPublicKey: keys.app.publicKey, algorithms: algorithms, clock: { WallClock.seconds() },
            tolerance: timestampTolerance.map { $0.components.seconds })
        desk = GatewayDesk(
            check: check, alipayKey: keys.alipay, strangerKey: keys.stranger, tokens: tokens, book: book, rates: rates)
    }

    /// Where to ask, once the server listens. Waits for it; throws when it could not start.
    public var url: String {
        get async throws { try await "http://\(host):\(started.port)/gateway.do" }
    }

    public var truth: Truth { book.truth }

    public func run() async throws {
        let application = Application(
            responder: CallbackResponder(callback: respond),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), backlog: 1024),
            onServerRunning: { [started] channel in started.succeed(port: channel.localAddress?.port ?? 0) },
            logger: logger)
        defer {
            started.fail(SandboxError(.server, "the gateway simulator stopped before it listened on \(host):\(port)"))
        }
        try await application.run()
    }

    /// Runs the gateway for as long as `body` takes, and gives it the address.
    public func whileRunning<Result: Sendable>(
        _ body: (_ url: String) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.run() }
            defer { group.cancelAll() }
            return try await body(url)
        }
    }

    @Sendable private func respond(_ request: Request, _ context: WireContext) async throws -> Response {
        guard request.uri.path == "/gateway.do" else { return Response(status: .notFound) }
        guard request.method == .post else { return Response(status: .methodNotAllowed) }
        let body = try await request.body.collect(upTo: 1 << 20)
        let reply = try desk.reply(
            query: Array((request.uri.query ?? "").utf8), body: Array(body.readableBytesView))
        return try await send(reply, context.channel)
    }

    private func send(_ reply: GatewayReply, _ channel: any Channel) async throws -> Response {
        if reply.delay > .zero { try await Task.sleep(for: reply.delay) }
        var headers = HTTPFields()
        headers[.contentType] = reply.contentType
        for header in reply.headers {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        let buffer = ByteBuffer(bytes: reply.body)
        return Response(
            status: .init(code: reply.status), headers: headers, body: body(buffer, reply.delivery, channel))
    }

    private func body(
        _ buffer: ByteBuffer, _ delivery: GatewayReply.Delivery, _ channel: any Channel
    ) -> ResponseBody {
        switch delivery {
        case .whole: return ResponseBody(byteBuffer: buffer)
        case .cut(let count):
            return ResponseBody(contentLength: buffer.readableBytes) { writer in
                try await writer.write(buffer.getSlice(at: buffer.readerIndex, length: count) ?? buffer)
                try await channel.close()
            }
        case .drip(let pause):
            return ResponseBody(contentLength: buffer.readableBytes) { writer in
                for byte in buffer.readableBytesView {
                    try await writer.write(ByteBuffer(bytes: [byte]))
                    try await Task.sleep(for: pause)
                }
                try await writer.finish(nil)
            }
        case .reset: return ResponseBody(contentLength: 1) { _ in try await channel.reset() }
        }
    }
}
