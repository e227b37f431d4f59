import Logging
import ServiceLifecycle

/// What a ``Listener`` tells.
public enum ServerNotification: Sendable, Hashable {
    /// Somebody's `NOTIFY channel, 'payload'` was committed.
    case message(channel: String, payload: String)
    /// The listener listens, for the first time or again: whatever was told before is lost, so look for yourself once.
    case reconnected
    /// Until the next ``reconnected`` nothing may arrive: the connection is lost. Behind a pooler it comes right after ``reconnected``,
    /// for good. Who must not wait long looks for himself more often.
    case deaf
}

/// Listens for NOTIFY on a connection of its own, and comes back when that is lost.
///
/// Listening only shortens waiting. Notifications are lost while the connection is away, and all of them behind a pooler in
/// transaction mode: who listens polls as well, rarely. Whenever it connects the listener notifies itself;
/// when it does not hear that, or somebody stands between it and the server, it says so in the log and goes on.
public final class Listener: Service {
    private let settings: ConnectionSettings
    private let channels: [String]
    private let logger: Logger
    private let heard: @Sendable (ServerNotification) -> Void

    /// - Parameter heard: called on the connection's own thread, in the order of the notifications, so that whoever waits for
    ///   one is woken without a way through other tasks. It must not block: what is notified meanwhile waits.
    public init(
        _ settings: ConnectionSettings, channels: [String], logger: Logger,
        heard: @escaping @Sendable (ServerNotification) -> Void
    ) {
        self.settings = settings
        self.channels = channels
        self.logger = logger
        self.heard = heard
    }

    /// Listens until shutdown or cancellation.
    public func run() async throws {
        let wake = WakePipe()
        await withTaskCancellationOrGracefulShutdownHandler {
            await listenAgainAndAgain(wake)
        } onCancelOrGracefulShutdown: {
            wake.signal()
        }
    }

    private func listenAgainAndAgain(_ wake: WakePipe) async {
        let connection = Connection(settings)
        var backoff = Backoff()
        while !wake.isSignalled {
            do throws(PostgresError) {
                try await connection.connect()
                let isTrusted = try await connection.listen(to: channels)
                if !isTrusted {
                    logger.warning(
                        "notifications do not arrive; a pooler in transaction mode may be in between, polling goes on")
                }
                backoff.reset()
                heard(.reconnected)
                if !isTrusted { heard(.deaf) }
                try await connection.hear(until: wake, heard)
            } catch {
                logger.warning("the listener lost its connection", metadata: ["error": "\(error)"])
                heard(.deaf)
                await connection.rest(backoff.next(), wake)
            }
        }
        await connection.close()
    }
}
