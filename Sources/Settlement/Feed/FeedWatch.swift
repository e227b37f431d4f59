import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Lets many readers wait for the next item of a feed at the cost of one look at the database.
///
/// The sequencer of this process tells at once, those of others by NOTIFY. While that can be heard, a look now and then is
/// all that remains; where it cannot, looks come often enough for people not to notice. Nobody looks unless somebody waits.
public final class FeedWatch: Service {
    /// The channel of those who publish; the payload is the head, a space, and the feed's name.
    public static let channel = "settled_feed"

    private struct Waiter {
        let after: Int64
        let wake: CheckedContinuation<Void, Never>
    }
    private struct State {
        var head: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
        /// Whether NOTIFY arrives.
        var hears = false
    }

    private let feed: String
    private let reader: FeedReader
    private let listensOn: ConnectionSettings?
    private let interval: Duration
    private let intervalWhileHearing: Duration
    private let logger: Logger
    private let state = Mutex(State())
    private let waited = Signal()
    private let hearingChanged = Signal()
    private let closed = Atomic(false)

    /// Whether shutdown has begun, so that waiting again would be in vain.
    public var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// - Parameters:
    ///   - listensOn: a direct connection, not through a pooler in transaction mode, to hear other processes on.
    ///   - interval: between two looks while nothing can be heard.
    public init(
        feed: String = "main", reader: FeedReader, listensOn: ConnectionSettings? = nil,
        interval: Duration = .milliseconds(100), intervalWhileHearing: Duration = .seconds(1), logger: Logger
    ) {
        self.feed = feed
        self.reader = reader
        self.listensOn = listensOn
        self.interval = interval
        self.intervalWhileHearing = intervalWhileHearing
        self.logger = logger
    }

    /// How many readers wait now.
    public var waiting: Int { state.withLock(\.waiters.count) }

    /// Whether other processes can be heard.
    var hears: Bool { state.withLock(\.hears) }

    /// The head moved to `head`: wakes who waits for less.
    public func advanced(to head: Int64) {
        let woken = state.withLock { state in
            state.head = max(state.head, head)
            let due = state.waiters.filter { $0.value.after < state.head }
            for id in due.keys { state.waiters[id] = nil }
            return due.values.map(\.wake)
        }
        for wake in woken { wake.resume() }
    }

    /// Returns when an item after `after` may be there, or after `limit`.
    public func wait(after: Int64, atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.moved(past: after) }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    private func moved(past after: Int64) async {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.head > after || Task.isCancelled { return true }
                    state.waiters[id] = Waiter(after: after, wake: continuation)
                    return false
                }
                // Only now is there somebody to be counted: the poller that is told earlier could go back to sleep.
                if isOver { continuation.resume() } else { waited.raise() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.wake.resume()
        }
    }

    /// Lets everybody go who waits: nobody may be left waiting for a server that goes away.
    public func close() {
        closed.store(true, ordering: .releasing)
        advanced(to: .max)
    }

    public func run() async {
        await cancelWhenGracefulShutdown { [self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.look() }
                if let listensOn {
                    group.addTask {
                        let listener = Listener(
                            listensOn, channels: [Self.channel], logger: self.logger, heard: self.heard)
                        // It ends by shutdown or cancellation alone; lost connections are its own business.
                        do { try await listener.run() } catch {
                            self.logger.warning("feed.listener_ended", metadata: ["err.msg": "\(error)"])
                            self.heard(.deaf)
                        }
                    }
                }
            }
        }
        close()
    }

    private func look() async {
        while !Task.isCancelled {
            if waiting == 0 {
                await waited.wait(atMost: .seconds(60))
                continue
            }
            do {
                advanced(to: try await reader.head(of: feed))
            } catch {
                logger.debug("the feed's head could not be read", metadata: ["err.msg": "\(error)"])
            }
            await hearingChanged.wait(atMost: hears ? intervalWhileHearing : interval)
        }
    }

    func heard(_ notification: ServerNotification) {
        switch notification {
        case .message(_, let payload):
            let parts = payload.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[1] == feed, let head = Int64(parts[0]) { advanced(to: head) }
        // What was told before is lost: a look is due.
        case .reconnected: hear(true)
        case .deaf: hear(false)
        }
    }

    private func hear(_ hears: Bool) {
        state.withLock { $0.hears = hears }
        hearingChanged.raise()
    }
}
