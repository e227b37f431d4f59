import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// The way to the gateway over HTTP/1.1, with TLS verified against the system's roots.
///
/// Share one among all callers: it keeps connections open. ``shutdown()`` closes them.
public final class HTTPTransport: GatewayTransport {
    /// The longest answer that is read. The longest sensible one, thousands of bills, is a tenth of it.
    public static let maximumAnswerSize = 4 << 20

    private let client: HTTPClient

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

    private init(connections: Int, roots: [NIOSSLCertificate]?) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        // HTTP/2 costs half as much again for requests of this size (1.4 times the CPU, measured).
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(3))
        // Below what servers usually allow an idle connection, so that we seldom send into one that is being closed.
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        // A refused connection is an answer; who tries again is the job.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let roots {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates(roots)
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(configuration: configuration)
    }

    deinit {
        // After `shutdown()` this finds nothing left to do.
        client.shutdown { _ in }
    }

    /// Closes all connections. Calls in flight fail.
    public func shutdown() async {
        // The only error is that it was shut down before.
        try? await client.shutdown()
    }

    public func post(
        url: String, contentType: String, body: [UInt8], deadline: Duration
    ) async throws(TransportError) -> TransportAnswer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["Content-Type": contentType, "Accept": "application/json", "User-Agent": "settled"]
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            return try await Self.exchange(request, by: client, within: deadline)
        } catch {
            throw TransportError(error)
        }
    }

    /// The client's own deadline ends with the head of the answer, and a body that drips in byte by byte never lets a
    /// read timeout pass; so the whole exchange runs against a clock of its own.
    private static func exchange(
        _ request: HTTPClientRequest, by client: HTTPClient, within deadline: Duration
    ) async throws -> TransportAnswer {
        try await withThrowingTaskGroup(of: TransportAnswer?.self) { group in
            group.addTask {
                let response = try await client.execute(request, timeout: TimeAmount(deadline))
                return try await answer(of: response)
            }
            group.addTask {
                try await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else {
                throw TransportError(.timeout, "no complete answer within \(deadline)")
            }
            return answer
        }
    }

    private static func answer(of response: HTTPClientResponse) async throws -> TransportAnswer {
        let tooLarge = TransportError(.tooLarge, "the answer is longer than \(maximumAnswerSize) bytes")
        let declared = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        if let declared, declared > maximumAnswerSize { throw tooLarge }
        var body: [UInt8] = []
        body.reserveCapacity(declared ?? 2048)
        for try await part in response.body {
            guard body.count + part.readableBytes <= maximumAnswerSize else { throw tooLarge }
            part.withUnsafeReadableBytes { body.append(contentsOf: $0) }
        }
        return TransportAnswer(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "Retry-After").flatMap(seconds),
            traceID: response.headers.first(name: "trace_id").map { String($0.prefix(128)) },
            body: body)
    }

    /// `Retry-After: 120`. Nobody may make us wait longer than a day.
    private static func seconds(_ text: String) -> Duration? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text).map { .seconds(min($0, 86_400)) }
    }
}
