import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Settlement

extension House {
    /// HTTP/1.1 within the limits.
    private func plain(_ rooms: Front.Rooms) -> HTTPServerBuilder {
        if rooms.contains(.notify), let intake {
            let desk = NotifyDesk(intake: intake, limits: limits, address: address, metrics: metrics)
            return HTTPServerBuilder { NotifyChannel(responder: $0, desk: desk) }
        }
        var http1 = HTTP1Channel.Configuration(idleTimeout: .init(limits.idle))
        http1.httpDecoder.maxHeaderFieldSize = limits.headerBytes
        http1.httpDecoder.maxHeaderListSize = limits.headerBytes
        return .http1(configuration: http1)
    }

    /// One listener with the rooms that it serves.
    ///
    /// - Parameters:
    ///   - tls: what it is wrapped in; nil for plain HTTP.
    ///   - listening: told the port that was bound, once; useful when `port` is 0.
    public func listener(
        host: String, port: Int, rooms: Front.Rooms, tls: TLSConfiguration? = nil,
        listening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> Application<Front> {
        Application(
            responder: Front(self, rooms: rooms),
            server: try tls.map { try .tls(plain(rooms), tlsConfiguration: $0) } ?? plain(rooms),
            configuration: .init(
                address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    rooms == .admin ? limits.adminConnections : limits.connections)),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? port) },
            logger: logger)
    }
}
