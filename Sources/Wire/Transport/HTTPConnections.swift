import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// The connections of one transport, all on one event loop: each origin's free ones, and who waits for one.
///
/// One loop carries tens of thousands of calls a second, far more than can be signed, and all it knows needs no lock.
///
/// `@unchecked Sendable`: what can change is touched on `loop` alone, apart from `lanes`, which have a lock.
final class HTTPConnections: @unchecked Sendable {
    /// What belongs to one origin. `@unchecked Sendable` for the same reason.
    final class Lane: @unchecked Sendable {
        let origin: HTTPOrigin
        let tls: NIOSSLContext?
        /// Connections, those that are being made included.
        fileprivate var open = 0
        /// The one used last is used next, so that those too many grow old.
        fileprivate var idle: [HTTPConnection] = []
        fileprivate var waiting = CircularBuffer<HTTPExchange>()

        fileprivate init(origin: HTTPOrigin, tls: NIOSSLContext?) {
            self.origin = origin
            self.tls = tls
        }

        /// A connection that is free. One that is being closed stays in the list until it is.
        fileprivate func nextIdle() -> HTTPConnection? {
            while let connection = idle.popLast() { if connection.isUsable { return connection } }
            return nil
        }

        /// The next one that still wants a connection.
        fileprivate func nextWaiting() -> HTTPExchange? {
            while let exchange = waiting.popFirst() { if !exchange.isOver { return exchange } }
            return nil
        }
    }

    private let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let limit: Int
    private let tls: TLSConfiguration
    private let longestIdle: TimeAmount
    private let lanes = Mutex<[String: Lane]>([:])

    private var exchanges: [ObjectIdentifier: HTTPExchange] = [:]
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var isShutDown = false
    private var alarm: (time: NIODeadline, task: Scheduled<Void>)?

    private static let longestConnect = TimeAmount.seconds(3)

    /// - Parameter longestIdle: after which a connection that nobody needs is closed.
    init(limit: Int, tls: TLSConfiguration, longestIdle: TimeAmount) {
        self.limit = max(1, limit)
        self.tls = tls
        self.longestIdle = longestIdle
    }

    /// - Parameter origin: as ``HTTPOrigin/split(_:)`` returns it.
    func lane(to origin: String) throws(TransportError) -> Lane {
        if let known = lanes.withLock({ $0[origin] }) { return known }
        let made = try HTTPOrigin(origin)
        var context: NIOSSLContext?
        do {
            if made.isSecure { context = try NIOSSLContext(configuration: tls) }
        } catch {
            throw TransportError(error)
        }
        let lane = Lane(origin: made, tls: context)
        return lanes.withLock { lanes in
            if let known = lanes[origin] { return known }
            lanes[origin] = lane
            return lane
        }
    }

    /// Carries `exchange` to its end, which its deadline or the caller's cancellation may bring about.
    func answer(to exchange: HTTPExchange) async -> HTTPExchange.Ending {
        await withTaskCancellationHandler {
            await withCheckedContinuation { caller in
                loop.execute {
                    exchange.begin(caller)
                    self.start(exchange)
                }
            }
        } onCancel: {
            loop.execute { self.giveUp(exchange, TransportError(.cancelled, "the caller gave up")) }
        }
    }

    /// Ends all exchanges and closes all connections. Exchanges that come later fail.
    func shutDown() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            self.isShutDown = true
            self.alarm?.task.cancel()
            self.alarm = nil
            for exchange in Array(self.exchanges.values) {
                self.giveUp(exchange, TransportError(.cancelled, "the transport was shut down"))
            }
            let closed = self.connections.values.map(\.channel.closeFuture)
            for connection in Array(self.connections.values) { connection.close() }
            return .andAllComplete(closed, on: self.loop)
        }
    }

    // MARK: On the loop: exchanges

    private func start(_ exchange: HTTPExchange) {
        guard !exchange.isOver else { return }
        guard !isShutDown else {
            exchange.end(.failure(TransportError(.cancelled, "the transport was shut down")))
            return
        }
        exchanges[ObjectIdentifier(exchange)] = exchange
        wake(at: exchange.deadline)
        if let connection = exchange.lane.nextIdle() {
            connection.carry(exchange)
        } else if exchange.lane.open < limit {
            connect(for: exchange)
        } else {
            exchange.lane.waiting.append(exchange)
        }
    }

    func end(_ exchange: HTTPExchange, _ ending: HTTPExchange.Ending) {
        exchanges[ObjectIdentifier(exchange)] = nil
        exchange.end(ending)
    }

    private func giveUp(_ exchange: HTTPExchange, _ error: TransportError) {
        let connection = exchange.connection
        end(exchange, .failure(error))
        connection?.close()
    }

    // MARK: On the loop: connections

    private func connect(for exchange: HTTPExchange) {
        let lane = exchange.lane
        lane.open += 1
        ClientBootstrap(group: loop)
            .connectTimeout(Self.longestConnect)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls = lane.tls {
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: lane.origin.serverName))
                    }
                    try pipeline.addHandler(HTTPRequestEncoder())
                    try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
                    try pipeline.addHandler(HTTPConnection(channel: channel, lane: lane, owner: self))
                }
            }
            .connect(host: lane.origin.host, port: lane.origin.port)
            .whenComplete { self.connected($0, for: exchange) }
    }

    private func connected(_ result: Result<any Channel, any Error>, for exchange: HTTPExchange) {
        var failure = TransportError(.reset, "the connection ended before the request was sent")
        switch result {
        case .failure(let error): failure = TransportError(error)
        case .success(let channel):
            guard channel.isActive,
                let connection = try? channel.pipeline.syncOperations.handler(type: HTTPConnection.self)
            else { break }
            connections[ObjectIdentifier(connection)] = connection
            if !exchange.isOver {
                connection.carry(exchange)
            } else if isShutDown {
                connection.close()
            } else {
                free(connection)
            }
            return
        }
        exchange.lane.open -= 1
        end(exchange, .failure(failure))
        refill(exchange.lane)
    }

    /// The connection has carried its exchange and can carry another.
    func free(_ connection: HTTPConnection) {
        guard connection.isUsable else { return }
        if let next = connection.lane.nextWaiting() {
            connection.carry(next)
            return
        }
        connection.idleSince = .now()
        connection.lane.idle.append(connection)
        wake(at: connection.idleSince + longestIdle)
    }

    func closed(_ connection: HTTPConnection) {
        // One that never was connected, as its neighbour was faster, is not counted.
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connection.lane.idle.removeAll { $0 === connection }
        connection.lane.open -= 1
        refill(connection.lane)
    }

    private func refill(_ lane: Lane) {
        guard lane.open < limit, let next = lane.nextWaiting() else { return }
        connect(for: next)
    }

    // MARK: On the loop: time

    /// One alarm for all: it goes off when the first deadline is reached that stood when it was set, which is seldom, as
    /// exchanges usually end long before theirs.
    private func wake(at time: NIODeadline) {
        if let alarm {
            if alarm.time <= time { return }
            alarm.task.cancel()
        }
        alarm = (time, loop.scheduleTask(deadline: time) { self.lookAtTheClock() })
    }

    private func lookAtTheClock() {
        alarm = nil
        let now = NIODeadline.now()
        for exchange in exchanges.values.filter({ $0.deadline <= now }) {
            giveUp(exchange, TransportError(.timeout, "no complete answer in time"))
        }
        var next = exchanges.values.lazy.map(\.deadline).min()
        for lane in lanes.withLock({ Array($0.values) }) {
            // Out of the list at once: with TLS the goodbyes take a moment, and the alarm would be set for the past meanwhile.
            let old = lane.idle.filter { $0.idleSince + longestIdle <= now }
            lane.idle.removeAll { $0.idleSince + longestIdle <= now }
            for connection in old { connection.close() }
            if let oldest = lane.idle.lazy.map(\.idleSince).min() {
                next = min(next ?? oldest + longestIdle, oldest + longestIdle)
            }
        }
        if let next { wake(at: next) }
    }
}
