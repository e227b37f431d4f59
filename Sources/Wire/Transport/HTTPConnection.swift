import NIOCore
import NIOHTTP1

/// The last handler of a connection to a gateway: carries one exchange after another.
///
/// Whatever comes when nothing was asked ends the connection, so that no answer can be taken for that of the next exchange.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    let channel: any Channel
    let lane: HTTPConnections.Lane
    /// Since when nothing has been asked on it.
    var idleSince = NIODeadline.now()
    private let owner: HTTPConnections
    private var exchange: HTTPExchange?
    private var answer: TransportAnswer?
    private var staysOpen = false
    private var isClosing = false

    init(channel: any Channel, lane: HTTPConnections.Lane, owner: HTTPConnections) {
        self.channel = channel
        self.lane = lane
        self.owner = owner
    }

    /// Open, and not about to be closed: with TLS that takes a moment, in which goodbyes are exchanged.
    var isUsable: Bool { channel.isActive && !isClosing }

    /// Sends the request of `exchange`; nothing else is being carried, and the connection is usable.
    func carry(_ exchange: HTTPExchange) {
        exchange.connection = self
        self.exchange = exchange
        answer = nil
        let pipeline = channel.pipeline.syncOperations
        pipeline.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        pipeline.write(wrapOutboundOut(.body(.byteBuffer(exchange.body))), promise: nil)
        pipeline.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Gives up what is being carried, and the connection with it: the rest of an answer may still be on its way.
    func close() {
        exchange = nil
        isClosing = true
        channel.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard exchange != nil else {
            close()
            return
        }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let part):
            guard let read = answer?.body.count, read + part.readableBytes <= HTTPTransport.maximumAnswerSize else {
                fail(.tooLarge)
                return
            }
            part.withUnsafeReadableBytes { answer?.body.append(contentsOf: $0) }
        case .end:
            guard let exchange, let answer else { return }
            self.exchange = nil
            owner.end(exchange, .success(answer))
        }
    }

    /// Not before all that was read has been looked at: something after the end of the answer ends the connection.
    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        guard exchange == nil, answer != nil else { return }
        answer = nil
        if staysOpen { owner.free(self) } else { close() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(TransportError(error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(TransportError(.reset, "the connection ended before the answer did"))
        owner.closed(self)
        context.fireChannelInactive()
    }

    private func begin(_ head: HTTPResponseHead) {
        // 101 would make it a connection of another protocol.
        staysOpen = head.isKeepAlive && head.status.code >= 200
        let declared = head.headers.first(name: "Content-Length").flatMap { Int($0) }
        if let declared, declared > HTTPTransport.maximumAnswerSize {
            fail(.tooLarge)
            return
        }
        var answer = TransportAnswer(
            status: Int(head.status.code),
            retryAfter: head.headers.first(name: "Retry-After").flatMap(Self.seconds),
            traceID: head.headers.first(name: "trace_id").map { String($0.prefix(128)) },
            body: [])
        answer.body.reserveCapacity(declared ?? 2048)
        self.answer = answer
    }

    private func fail(_ error: TransportError) {
        let failed = exchange
        close()
        if let failed { owner.end(failed, .failure(error)) }
    }

    /// `Retry-After: 120`. Nobody may make us wait longer than a day.
    private static func seconds(_ text: String) -> Duration? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text).map { .seconds(min($0, 86_400)) }
    }
}

extension TransportError {
    fileprivate static let tooLarge = TransportError(
        .tooLarge, "the answer is longer than \(HTTPTransport.maximumAnswerSize) bytes")
}
