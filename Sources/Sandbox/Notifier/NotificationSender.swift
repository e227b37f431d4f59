import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Posts notifications as Alipay does: signed, over real HTTP, again on schedule until the right acknowledgement is read.
///
/// A 503, a wrong body, a broken connection are all the same to the platform: not received. A forged delivery is posted once.
public struct NotificationSender: Sendable {
    /// Where one source's notifications go, and what it answers when it has them.
    public struct Target: Sendable {
        /// E.g. `http://127.0.0.1:8080/notify/cplife`.
        public var url: String
        public var acknowledgement: ExpectedAcknowledgement

        public init(url: String, acknowledgement: ExpectedAcknowledgement) {
            self.url = url
            self.acknowledgement = acknowledgement
        }
    }

    public var targets: [String: Target]
    public var keys: SandboxKeys
    public var schedule: RedeliverySchedule
    /// Requests in flight at once, and connections kept open.
    public var concurrency: Int
    /// Total time for one request; a receiver is expected to answer well within it.
    public var timeout: Duration
    public let journal: DeliveryJournal
    private let timeline: Timeline

    public init(
        targets: [String: Target], keys: SandboxKeys, schedule: RedeliverySchedule = .alipay, concurrency: Int = 64,
        timeout: Duration = .seconds(15), journal: DeliveryJournal = DeliveryJournal()
    ) {
        self.init(
            targets: targets, keys: keys, schedule: schedule, concurrency: concurrency, timeout: timeout,
            journal: journal, clock: ContinuousClock())
    }

    /// - Parameter clock: decides when a redelivery is due; requests themselves take the time they take.
    public init(
        targets: [String: Target], keys: SandboxKeys, schedule: RedeliverySchedule = .alipay, concurrency: Int = 64,
        timeout: Duration = .seconds(15), journal: DeliveryJournal = DeliveryJournal(),
        clock: some Clock<Duration>
    ) {
        self.targets = targets
        self.keys = keys
        self.schedule = schedule
        self.concurrency = concurrency
        self.timeout = timeout
        self.journal = journal
        timeline = Timeline(clock)
    }

    /// Posts all of them; returns when each is acknowledged, given up on, or (forged) was refused. `journal` tells which.
    public func send(_ deliveries: [Delivery]) async throws {
        for source in Set(deliveries.map(\.source)) where targets[source] == nil {
            throw SandboxError(.badTarget, "no address was given for the notifications of source '\(source)'")
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            try await post(deliveries, with: client)
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    /// A refused port must come back at once, to be tried again on schedule; the client's own retrying would hide it.
    private var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = concurrency
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    private func post(_ deliveries: [Delivery], with client: HTTPClient) async throws {
        let queue = DeliveryQueue(deliveries)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<max(1, min(concurrency, deliveries.count)) {
                group.addTask { try await work(queue, client) }
            }
            try await group.waitForAll()
        }
    }

    @concurrent
    private func work(_ queue: DeliveryQueue, _ client: HTTPClient) async throws {
        while let work = queue.next(now: timeline.now()) {
            try Task.checkCancellation()
            let attempt: DeliveryQueue.Attempt
            switch work {
            case .first(let delivery):
                attempt = .init(delivery: delivery, number: 1, sealed: try delivery.sealed(with: keys))
            case .again(let earlier, let due):
                if due > timeline.now() { try await timeline.sleep(due) }
                attempt = earlier
            }
            if try await !post(attempt, client) { redeliver(attempt, queue) }
        }
    }

    private func redeliver(_ attempt: DeliveryQueue.Attempt, _ queue: DeliveryQueue) {
        guard attempt.delivery.isGenuine else { return }
        guard let gap = schedule.gap(after: attempt.number) else { return journal.noteGivenUp() }
        var next = attempt
        next.number += 1
        queue.putBack(next, due: timeline.now() + gap)
    }

    /// True when it was acknowledged.
    private func post(_ attempt: DeliveryQueue.Attempt, _ client: HTTPClient) async throws -> Bool {
        guard let target = targets[attempt.delivery.source] else { return false }
        let delivery = attempt.delivery
        var entry = DeliveryJournal.Entry(
            delivery: delivery.id, source: delivery.source, story: delivery.story, forgery: delivery.forgery,
            tradeNo: delivery.tradeNo, queryToken: delivery.queryToken, attempt: attempt.number,
            sentAt: WallClock.microseconds(), isAcknowledged: false)
        do {
            let (status, body) = try await answer(attempt.sealed, target.url, client)
            entry.status = status
            entry.answer = String(decoding: body.prefix(512), as: UTF8.self)
            entry.isAcknowledged = target.acknowledgement.accepts(status: status, body: body)
        } catch {
            // The road failed, which the platform treats as any other "not received"; only being told to stop ends the sending.
            try Task.checkCancellation()
            entry.failure = String(describing: error)
        }
        entry.microseconds = WallClock.microseconds() - entry.sentAt
        try await journal.record(entry)
        return entry.isAcknowledged
    }

    private func answer(
        _ sealed: SealedNotification, _ url: String, _ client: HTTPClient
    ) async throws -> (status: Int, body: [UInt8]) {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: sealed.contentType)
        request.headers.add(name: "User-Agent", value: "Mozilla/4.0")
        request.body = .bytes(sealed.body)
        let response = try await client.execute(request, timeout: .nanoseconds(Int64(timeout / .nanoseconds(1))))
        let body = try await response.body.collect(upTo: 64 * 1024)
        return (Int(response.status.code), Array(body.readableBytesView))
    }
}
