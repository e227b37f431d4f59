import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Settlement

extension House {
    /// One listener with the rooms that it serves.
    ///
    /// - Parameter listening: told the port that was bound, once; useful when `port` is 0.
    public func listener(
        host: String, port: Int, rooms: Front.Rooms, listening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> Application<Front> {
        var http1 = HTTP1Channel.Configuration(idleTimeout: .init(limits.idle))
        http1.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        http1.httpDecoder.maxHeaderListSize = limits.headerBytes
        return Application(
            responder: Front(self, rooms: rooms), server: .http1(configuration: http1),
            configuration: .init(
                address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? port) },
            logger: logger)
    }
}
