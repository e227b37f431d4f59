import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Settlement

extension House {
    /// HTTP/1.1 within the limits; what a listener speaks unless it is given the same inside TLS.
    public var plainServer: HTTPServerBuilder {
        var http1 = HTTP1Channel.Configuration(idleTimeout: .init(limits.idle))
        http1.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        http1.httpDecoder.maxHeaderListSize = limits.headerBytes
        return .http1(configuration: http1)
    }

    /// One listener with the rooms that it serves.
    ///
    /// - Parameters:
    ///   - server: what it speaks; ``plainServer`` when nil.
    ///   - listening: told the port that was bound, once; useful when `port` is 0.
    public func listener(
        host: String, port: Int, rooms: Front.Rooms, server: HTTPServerBuilder? = nil,
        listening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> Application<Front> {
        Application(
            responder: Front(self, rooms: rooms), server: server ?? plainServer,
            configuration: .init(
                address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? port) },
            logger: logger)
    }
}
