import FailPoints
import NIOCore
import NIOHTTP1
import Settlement

/// Answers the notifications of one connection, and passes on every other request.
///
/// One request is under way at a time. What a sender pipelines behind it waits here, and no more is read meanwhile, so the
/// answers leave in the order of the requests and a connection costs no more memory than two reads. It ends connections
/// that are idle, and at shutdown each one when it has nothing under way.
final class NotifyHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Between requests.
        case idle
        /// Requests of others are on their way to Hummingbird; so many answers are still due, and the last of the requests
        /// may not have come completely.
        case passing(due: Int, isArriving: Bool)
        /// A notification's body arrives.
        case reading(Arrival)
        /// A notification was taken in and is to be answered.
        case answering
        /// The last answer of this connection was given; what still comes is thrown away.
        case ending
    }

    /// A notification that has not come completely.
    private struct Arrival {
        let head: HTTPRequestHead
        let reception: NotifyDesk.Reception
        var body = ByteBuffer()
        var count = 0
        var deadline: Scheduled<Void>?
    }

    private let desk: NotifyDesk
    /// Where answers are written: an answer is bytes already, which the encoder has nothing to do with.
    private let encoder: ChannelHandlerContext
    private var state = State.idle
    /// What came behind the request that is under way.
    private var pending = CircularBuffer<HTTPServerRequestPart>()
    private var isReadHeld = false
    /// The sender has closed its side, or broken the rules, while a request was under way.
    private var heldEnd: HeldEnd?
    private var peer: String?
    private var hasAskedPeer = false
    private var idleness = Idleness()
    private var isShuttingDown = false

    private enum HeldEnd {
        case closed(ChannelEvent)
        case broken(any Error)
    }

    init(_ desk: NotifyDesk, encoder: ChannelHandlerContext) {
        self.desk = desk
        self.encoder = encoder
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        idleness.hasPart = true
        if pending.isEmpty, canTake(part) { take(part, context) } else { pending.append(part) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        idleness.readIsComplete()
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

    private func canTake(_ part: HTTPServerRequestPart) -> Bool {
        switch (state, part) {
        case (.answering, _): false
        // Hummingbird takes pipelined requests itself; a notification behind them waits for their answers.
        case (.passing, .head(let head)): !isNotification(head)
        default: true
        }
    }

    private func isNotification(_ head: HTTPRequestHead) -> Bool { head.uri.hasPrefix(NotifyDesk.prefix) }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.idle, .head(let head)) where isNotification(head): begin(head, context)
        case (.idle, .head(let head)):
            if head.expectation == .toContinue { letContinue(context) }
            state = .passing(due: 1, isArriving: true)
            context.fireChannelRead(wrapInboundOut(part))
        case (.passing(let due, _), .head):
            state = .passing(due: due + 1, isArriving: true)
            context.fireChannelRead(wrapInboundOut(part))
        case (.passing(let due, _), .end):
            state = .passing(due: due, isArriving: false)
            context.fireChannelRead(wrapInboundOut(part))
        case (.idle, _), (.passing, _): context.fireChannelRead(wrapInboundOut(part))
        case (.reading(let arrival), .body(let bytes)): add(bytes, to: arrival, context)
        case (.reading(let arrival), .end): end(arrival, context)
        case (.reading, .head), (.answering, _), (.ending, _): break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let expectation = head.expectation
        let reception = desk.receive(head, expecting: expectation)
        switch reception {
        case .cutOff(let refusal): return cutOff(refusal, context)
        // A sender that asks first need not send what nobody reads.
        case .refuse(let refusal) where expectation == .toContinue: return cutOff(refusal, context)
        case .refuse: break
        case .take: if expectation == .toContinue { letContinue(context) }
        }
        state = .reading(Arrival(head: head, reception: reception))
    }

    /// Some senders (curl up to 7.83 from 1 KB on, .NET Framework) otherwise hold the body back for a second.
    private func letContinue(_ context: ChannelHandlerContext) {
        let bytes = context.channel.allocator.buffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")
        encoder.writeAndFlush(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
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
        let keepsOpen = arrival.head.isKeepAlive
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
        state = .idle
        idleness.isActive()
        send(answer, keepsOpen: keepsOpen, context)
        if keepsOpen { goOn(context) } else { close(context) }
    }

    /// Answers at once although the request has not ended, and reads nothing more of it.
    private func cutOff(_ refusal: NotifyDesk.Refusal, _ context: ChannelHandlerContext) {
        send(desk.refusal(refusal), keepsOpen: false, context)
        close(context)
    }

    private func send(_ answer: NotifyDesk.Answer, keepsOpen: Bool, _ context: ChannelHandlerContext) {
        let bytes = NIOAny(IOData.byteBuffer(answer.bytes(keepsOpen: keepsOpen, in: context.channel.allocator)))
        guard FailPoint.isArmed, answer.isAcknowledgement else { return encoder.writeAndFlush(bytes, promise: nil) }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenSuccess { try? FailPoint.reach("intake.answered") }
        encoder.writeAndFlush(bytes, promise: sent)
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
        if isShuttingDown, case .idle = state { return close(context) }
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
        guard case .passing(let due, let isArriving) = state, case .end = unwrapOutboundIn(data) else { return }
        idleness.isActive()
        state = due > 1 ? .passing(due: due - 1, isArriving: isArriving) : .idle
        if isShuttingDown { context.flush() }
        goOn(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { return shutDown(context) }
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

    /// The server is to end: at once where nothing is under way, elsewhere when that is answered.
    private func shutDown(_ context: ChannelHandlerContext) {
        isShuttingDown = true
        if case .idle = state, pending.isEmpty { context.close(promise: nil) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { watch(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        watch(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .reading(let arrival) = state { arrival.deadline?.cancel() }
        idleness.timer?.cancel()
        state = .ending
        pending.removeAll()
        context.fireChannelInactive()
    }

    // MARK: Idleness

    private func watch(_ context: ChannelHandlerContext) {
        guard idleness.timer == nil else { return }
        idleness.isActive()
        look(again: NIODeadline.now() + TimeAmount(desk.limits.idle), context)
    }

    private func look(again at: NIODeadline, _ context: ChannelHandlerContext) {
        let reply = NIOLoopBound(Reply(handler: self, context: context), eventLoop: context.eventLoop)
        idleness.timer = context.eventLoop.scheduleTask(deadline: at) { reply.value.handler.look(reply.value.context) }
    }

    /// Closes the connection when its peer has kept it waiting for too long, between requests or in the midst of one.
    private func look(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        switch state {
        case .ending: return
        // We are what takes time.
        case .answering, .passing(due: _, isArriving: false): idleness.isActive()
        case .idle, .reading, .passing: break
        }
        let end = idleness.since + TimeAmount(desk.limits.idle)
        if end <= now { context.close(promise: nil) } else { look(again: end, context) }
    }
}

@available(*, unavailable)
extension NotifyHandler: Sendable {}
