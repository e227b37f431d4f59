import NIOCore
import NIOHTTP1
import NIOSSL

/// The way to the gateway over HTTP/1.1, with TLS verified against the system's roots.
///
/// Share one among all callers: it keeps connections open. ``shutdown()`` closes them.
public final class HTTPTransport: GatewayTransport {
    /// The longest answer that is read. The longest sensible one, thousands of bills, is a tenth of it.
    public static let maximumAnswerSize = 4 << 20

    private let connections: HTTPConnections

    /// - Parameter connections: how many may be open to one host at a time; further calls wait for one of them, within
    ///   their deadline.
    public convenience init(connections: Int = 64) {
        self.init(connections: connections, roots: nil)
    }

    /// The same with TLS verified against other roots than the system's, for a gateway behind a private authority.
    ///
    /// - Parameter pem: one certificate or more.
    public convenience init(connections: Int = 64, trustedRoots pem: String) throws(TransportError) {
        let roots: [NIOSSLCertificate]
        do {
            roots = try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
        } catch {
            throw TransportError(.tls, "the trusted roots are no PEM certificates: \(error)")
        }
        self.init(connections: connections, roots: roots)
    }

    /// The longest idle time is below what servers usually allow, so that we seldom send into a connection that is being
    /// closed.
    init(connections: Int, roots: [NIOSSLCertificate]?, longestIdle: Duration = .seconds(30)) {
        var tls = TLSConfiguration.makeClientConfiguration()
        // HTTP/2 costs half as much again for requests of this size (1.4 times the CPU, measured).
        tls.applicationProtocols = ["http/1.1"]
        if let roots { tls.trustRoots = .certificates(roots) }
        self.connections = HTTPConnections(
            limit: connections, tls: tls, longestIdle: TimeAmount(longestIdle))
    }

    deinit {
        // After `shutdown()` this finds nothing left to do.
        _ = connections.shutDown()
    }

    /// Closes all connections. Calls in flight fail.
    public func shutdown() async {
        // All that is waited for is that channels are closed, which cannot fail.
        try? await connections.shutDown().get()
    }

    public func post(
        url: String, contentType: String, body: [UInt8], deadline: Duration
    ) async throws(TransportError) -> TransportAnswer {
        let end = NIODeadline.now() + TimeAmount(deadline)
        let (origin, target) = try HTTPOrigin.split(url)
        let lane = try connections.lane(to: origin)
        let head = HTTPRequestHead(
            version: .http1_1, method: .POST, uri: target,
            headers: [
                "Host": lane.origin.authority, "Content-Type": contentType, "Content-Length": String(body.count),
                "Accept": "application/json", "User-Agent": "settled",
            ])
        let exchange = HTTPExchange(lane: lane, head: head, body: ByteBuffer(bytes: body), deadline: end)
        return try await connections.answer(to: exchange).get()
    }
}
