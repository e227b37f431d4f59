import NIOCore
import NIOHTTP1
import NIOSSL

/// One request on its way, until somebody has said how it ended.
///
/// `@unchecked Sendable`: its caller makes it and hands it to ``HTTPConnections``; from then on what can change in it is
/// touched on their event loop alone.
final class HTTPExchange: @unchecked Sendable {
    typealias Ending = Result<TransportAnswer, TransportError>

    let lane: HTTPConnections.Lane
    let head: HTTPRequestHead
    let body: ByteBuffer
    let deadline: NIODeadline

    /// Where it is being carried; nil while it waits for a connection.
    var connection: HTTPConnection?
    private var ending: Ending?
    private var caller: CheckedContinuation<Ending, Never>?

    init(lane: HTTPConnections.Lane, head: HTTPRequestHead, body: ByteBuffer, deadline: NIODeadline) {
        self.lane = lane
        self.head = head
        self.body = body
        self.deadline = deadline
    }

    var isOver: Bool { ending != nil }

    /// The caller waits from now on; one whose exchange is over already is told at once.
    func begin(_ caller: CheckedContinuation<Ending, Never>) {
        if let ending { caller.resume(returning: ending) } else { self.caller = caller }
    }

    /// Tells the caller. Only the first word counts.
    func end(_ ending: Ending) {
        guard self.ending == nil else { return }
        self.ending = ending
        connection = nil
        caller?.resume(returning: ending)
        caller = nil
    }
}
