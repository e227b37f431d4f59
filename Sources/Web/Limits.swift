import HTTPTypes
import Hummingbird
import NIOCore

/// What a request may cost, from the first day on.
public struct WebLimits: Sendable {
    /// Bytes of a notification's body; 5,000 bill ids fit.
    public var body = 256 * 1024
    /// Header fields of a request.
    public var headers = 64
    /// Bytes of all header fields together.
    public var headerBytes = 32 * 1024
    /// How long a request may take to arrive completely.
    public var arrival: Duration = .seconds(10)
    /// How long a connection may stay silent between requests.
    public var idle: Duration = .seconds(15)
    /// Connections of a listener at one time; who comes later waits until one of them ends.
    public var connections = 4096
    /// The same of the listener for metrics and health, which only a few ask.
    public var adminConnections = 64
    public init() {}
}

/// Why a body was not read to its end.
struct BodyRefusal: Error {
    let status: HTTPResponse.Status
    let cause: String
}

extension Request {
    /// The whole body, within `limits`.
    ///
    /// A declared length over the limit is refused before a byte is read. A sender that drips bytes resets the server's
    /// idle timer with each one, so the total time is watched here.
    func wholeBody(_ limits: WebLimits) async throws(BodyRefusal) -> [UInt8] {
        if let declared = headers[.contentLength].flatMap(Int.init), declared > limits.body {
            throw BodyRefusal(status: .contentTooLarge, cause: "body_too_large")
        }
        let deadline = ContinuousClock.now + limits.arrival
        var bytes: [UInt8] = []
        do {
            for try await chunk in body {
                guard bytes.count + chunk.readableBytes <= limits.body else {
                    throw BodyRefusal(status: .contentTooLarge, cause: "body_too_large")
                }
                bytes.append(contentsOf: chunk.readableBytesView)
                guard ContinuousClock.now < deadline else {
                    throw BodyRefusal(status: .requestTimeout, cause: "body_too_slow")
                }
            }
        } catch let refusal as BodyRefusal {
            throw refusal
        } catch {
            throw BodyRefusal(status: .badRequest, cause: "broken_body")
        }
        return bytes
    }
}
