import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A request as the players of the sandbox see it.
struct WireRequest: Sendable {
    var method: String
    var path: String
    var query: [UInt8]
    var contentType: String?
    var body: [UInt8]
}

/// A small HTTP server that can also misbehave: late, half, drop by drop, or with a reset connection.
final class LoopbackServer: Service {
    private let host: String
    private let port: Int
    private let logger: Logger
    private let started = StartedServer()
    private let respond: @Sendable (WireRequest) async throws -> WireReply

    init(
        host: String, port: Int, logger: Logger, respond: @escaping @Sendable (WireRequest) async throws -> WireReply
    ) {
        self.host = host
        self.port = port
        self.logger = logger
        self.respond = respond
    }

    /// `http://host:port`, once it listens.
    var origin: String {
        get async throws { try await "http://\(host):\(started.port)" }
    }

    func run() async throws {
        let application = Application(
            responder: CallbackResponder(callback: answer),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), backlog: 1024),
            onServerRunning: { [started] channel in started.succeed(port: channel.localAddress?.port ?? 0) },
            logger: logger)
        defer { started.fail(SandboxError(.server, "the server on \(host):\(port) stopped before it listened")) }
        try await application.run()
    }

    /// Serves for as long as `body` takes.
    ///
    /// It is shut down, not cancelled: a server that is cancelled drops connections that it had accepted and not yet looked
    /// at, and NIO ends the process over that. What still drips or sleeps is cancelled after two seconds.
    func whileRunning<Value: Sendable>(_ body: (_ origin: String) async throws -> Value) async throws -> Value {
        var configuration = ServiceGroupConfiguration(services: [.init(service: self)], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(2)
        let group = ServiceGroup(configuration: configuration)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let result: Result<Value, any Error>
            do { result = .success(try await body(origin)) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            // How it ended matters to nobody any more.
            try? await tasks.waitForAll()
            return try result.get()
        }
    }

    @Sendable private func answer(_ request: Request, _ context: WireContext) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let reply = try await respond(
            WireRequest(
                method: request.method.rawValue, path: request.uri.path, query: Array((request.uri.query ?? "").utf8),
                contentType: request.headers[.contentType], body: Array(body.readableBytesView)))
        if reply.delay > .zero { try await Task.sleep(for: reply.delay) }
        if case .reset = reply.delivery { try await context.channel.reset() }
        var headers = HTTPFields()
        headers[.contentType] = reply.contentType
        for header in reply.headers {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        return Response(
            status: .init(code: reply.status), headers: headers,
            body: reply.delivery.body(of: ByteBuffer(bytes: reply.body), on: context.channel))
    }
}

extension WireReply.Delivery {
    fileprivate func body(of buffer: ByteBuffer, on channel: any Channel) -> ResponseBody {
        switch self {
        case .whole, .reset: ResponseBody(byteBuffer: buffer)
        case .cut(let count):
            ResponseBody(contentLength: buffer.readableBytes) { writer in
                try await writer.write(buffer.getSlice(at: buffer.readerIndex, length: count) ?? buffer)
                try await channel.close()
            }
        case .drip(let pause):
            ResponseBody(contentLength: buffer.readableBytes) { writer in
                for byte in buffer.readableBytesView {
                    try await writer.write(ByteBuffer(bytes: [byte]))
                    try await Task.sleep(for: pause)
                }
                try await writer.finish(nil)
            }
        }
    }
}

/// The request's own channel beside Hummingbird's usual context: to break a connection on purpose one has to hold it.
struct WireContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

extension Channel {
    /// Ends the connection with RST: what the peer has not read yet is lost to it.
    func reset() async throws {
        if let options = self as? any SocketOptionProvider {
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try await close()
    }
}
