import FailPoints
import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Settlement

/// Answers the notifications of one connection, and passes on every other request.
///
/// One request is under way at a time. What a sender pipelines behind it waits here, and no more is read meanwhile, so the
/// answers leave in the order of the requests and a connection costs no more memory than two reads.
final class NotifyHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum State {
        /// Between requests.
        case idle
        /// Requests of others are on their way to Hummingbird; so many answers are still due.
        case passing(due: Int)
        /// A notification's body arrives.
        case reading(Arrival)
        /// A notification was taken in and is to be answered.
        case answering
        /// The last answer of this connection was given; what still comes is thrown away.
        case ending
    }

    /// A notification that has not come completely.
    private struct Arrival {
        let head: HTTPRequest
        let reception: NotifyDesk.Reception
        var body = ByteBuffer()
        var count = 0
        var deadline: Scheduled<Void>?
    }

    private let desk: NotifyDesk
    private var state = State.idle
    /// What came behind the request that is under way.
    private var pending = CircularBuffer<HTTPRequestPart>()
    private var isReadHeld = false
    /// The sender has closed its side, or broken the rules, while a request was under way.
    private var heldEnd: HeldEnd?
    private var peer: String?
    private var hasAskedPeer = false

    private enum HeldEnd {
        case closed(ChannelEvent)
        case broken(any Error)
    }

    init(_ desk: NotifyDesk) { self.desk = desk }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if pending.isEmpty, canTake(part) { take(part, context) } else { pending.append(part) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .reading(var arrival) = state, arrival.deadline == nil {
            // Most requests come in one piece, so that a timer is for the others alone.
            arrival.deadline = scheduleDeadline(context)
            state = .reading(arrival)
        }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if pending.isEmpty { context.read() } else { isReadHeld = true }
    }

    private func canTake(_ part: HTTPRequestPart) -> Bool {
        switch (state, part) {
        case (.answering, _): false
        // Hummingbird takes pipelined requests itself; a notification behind them waits for their answers.
        case (.passing, .head(let head)): !isNotification(head)
        default: true
        }
    }

    private func isNotification(_ head: HTTPRequest) -> Bool { head.path?.hasPrefix(NotifyDesk.prefix) ?? false }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.idle, .head(let head)) where isNotification(head): begin(head, context)
        case (.idle, .head):
            state = .passing(due: 1)
            context.fireChannelRead(wrapInboundOut(part))
        case (.passing(let due), .head):
            state = .passing(due: due + 1)
            context.fireChannelRead(wrapInboundOut(part))
        case (.idle, _), (.passing, _): context.fireChannelRead(wrapInboundOut(part))
        case (.reading(let arrival), .body(let bytes)): add(bytes, to: arrival, context)
        case (.reading(let arrival), .end): end(arrival, context)
        case (.reading, .head), (.answering, _), (.ending, _): break
        }
    }

    private func begin(_ head: HTTPRequest, _ context: ChannelHandlerContext) {
        let reception = desk.receive(head)
        if case .cutOff(let refusal) = reception { return cutOff(refusal, context) }
        state = .reading(Arrival(head: head, reception: reception))
    }

    private func add(_ bytes: ByteBuffer, to arrival: Arrival, _ context: ChannelHandlerContext) {
        var (arrival, bytes) = (arrival, bytes)
        arrival.count += bytes.readableBytes
        guard arrival.count <= desk.limits.body else {
            arrival.deadline?.cancel()
            return cutOff(.bodyTooLarge, context)
        }
        if case .take = arrival.reception {
            // Dropped before it is added to, so that the buffer is not copied for its second owner.
            state = .idle
            if arrival.body.readableBytes == 0 { arrival.body = bytes } else { arrival.body.writeBuffer(&bytes) }
        }
        state = .reading(arrival)
    }

    private func end(_ arrival: Arrival, _ context: ChannelHandlerContext) {
        arrival.deadline?.cancel()
        state = .answering
        let keepsOpen = arrival.head.headerFields[.connection]?.lowercased() != "close"
        switch arrival.reception {
        case .refuse(let refusal), .cutOff(let refusal): answer(desk.refusal(refusal), keepsOpen: keepsOpen, context)
        case .take(let source):
            let reply = NIOLoopBound(Reply(handler: self, context: context), eventLoop: context.eventLoop)
            let loop = context.eventLoop
            desk.take(
                Array(arrival.body.readableBytesView), arrival.head, from: peerAddress(context), at: source
            ) { answer in
                loop.execute {
                    reply.value.handler.answer(answer, keepsOpen: keepsOpen, reply.value.context)
                }
            }
        }
    }

    /// What an answer needs when it comes back to the loop.
    private struct Reply {
        let handler: NotifyHandler
        let context: ChannelHandlerContext
    }

    private func peerAddress(_ context: ChannelHandlerContext) -> String? {
        if !hasAskedPeer { (peer, hasAskedPeer) = (context.remoteAddress?.ipAddress, true) }
        return peer
    }

    private func scheduleDeadline(_ context: ChannelHandlerContext) -> Scheduled<Void> {
        let reply = NIOLoopBound(Reply(handler: self, context: context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: TimeAmount(desk.limits.arrival)) {
            guard case .reading = reply.value.handler.state else { return }
            reply.value.handler.cutOff(.bodyTooSlow, reply.value.context)
        }
    }

    // MARK: Answering

    private func answer(_ answer: NotifyDesk.Answer, keepsOpen: Bool, _ context: ChannelHandlerContext) {
        guard context.channel.isActive, case .answering = state else { return }
        var answer = answer
        if !keepsOpen { answer.head.headerFields[.connection] = "close" }
        state = .idle
        send(answer, context)
        if keepsOpen { goOn(context) } else { close(context) }
    }

    /// Answers at once although the request has not ended, and reads nothing more of it.
    private func cutOff(_ refusal: NotifyDesk.Refusal, _ context: ChannelHandlerContext) {
        var answer = desk.refusal(refusal)
        answer.head.headerFields[.connection] = "close"
        send(answer, context)
        close(context)
    }

    private func send(_ answer: NotifyDesk.Answer, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: answer.body))), promise: nil)
        guard FailPoint.isArmed, answer.isAcknowledgement else {
            return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenSuccess { try? FailPoint.reach("intake.answered") }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    /// Ends the connection so that the answer is not lost: our side first, and all of it when the sender has had time to
    /// read. Closing at once would send a reset when there are bytes that nobody read.
    private func close(_ context: ChannelHandlerContext) {
        state = .ending
        pending.removeAll()
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// Takes up what came behind the request that is answered now.
    private func goOn(_ context: ChannelHandlerContext) {
        var hasPassed = false
        while let part = pending.first, canTake(part) {
            pending.removeFirst()
            take(part, context)
            if case .passing = state { hasPassed = true }
        }
        // Hummingbird looks at what came when a read is said to be complete.
        if hasPassed { context.fireChannelReadComplete() }
        guard pending.isEmpty else { return }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
        guard let end = heldEnd else { return }
        if case .answering = state { return }
        heldEnd = nil
        switch end {
        case .closed(let event): context.fireUserInboundEventTriggered(event)
        case .broken(let error): context.fireErrorCaught(error)
        }
    }

    // MARK: The rest of the connection

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard case .passing(let due) = state, case .end = unwrapOutboundIn(data) else { return }
        state = due > 1 ? .passing(due: due - 1) : .idle
        goOn(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A sender that closes its side after its last request still waits for the answer.
        if let event = event as? ChannelEvent, event == .inputClosed, isBusy {
            heldEnd = .closed(event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isBusy { heldEnd = .broken(error) } else { context.fireErrorCaught(error) }
    }

    private var isBusy: Bool {
        if case .answering = state { return true }
        return !pending.isEmpty
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .reading(let arrival) = state { arrival.deadline?.cancel() }
        state = .ending
        pending.removeAll()
        context.fireChannelInactive()
    }
}

@available(*, unavailable)
extension NotifyHandler: Sendable {}
