import CLibPQ
import Glibc

/// What a ``Listener`` does on its connection's thread.
extension Connection {
    /// Listens to `channels`.
    ///
    /// - Returns: whether notifications can be trusted to arrive. They cannot when our own does not, nor when the server
    ///   process that answers is another one than greeted us: a pooler, which gives us another one for each transaction.
    func listen(to channels: [String]) throws(PostgresError) -> Bool {
        let pid = try query(Statement("listener_pid", "SELECT pg_backend_pid()")).first?.int4(0)
        let echo = "settled_echo_\(UInt64.random(in: .min ... .max))"
        for channel in channels + [echo] { try execute("LISTEN \(try quoted(channel))") }
        try execute("NOTIFY \(echo)")
        // Our own notification comes with the answer to the statement that sent it.
        let isHeard = try takeNotifications().contains(.message(channel: echo, payload: ""))
        try execute("UNLISTEN \(echo)")
        let greeter = PQbackendPID(try openSession().handle)
        return isHeard && pid == greeter
    }

    /// Tells `heard` of every notification until `wake` is signalled. The thread belongs to this call meanwhile.
    func hear(until wake: WakePipe, _ heard: (ServerNotification) -> Void) throws(PostgresError) {
        while !wake.isSignalled {
            for notification in try nextNotifications(wake) { heard(notification) }
        }
    }

    /// Waits for notifications. It returns with none when an hour passes or `wake` is signalled.
    private func nextNotifications(_ wake: WakePipe) throws(PostgresError) -> [ServerNotification] {
        let session = try openSession()
        do throws(Session.Failure) {
            try session.wait(for: POLLIN, until: .now + .seconds(3_600), wake: wake)
            if !wake.isSignalled { try session.consume() }
        } catch .expired {
            return []
        } catch {
            close()
            throw lossOrTimeout(error, "LISTEN")
        }
        guard session.isConnected else {
            close()
            throw lossOrTimeout(.lost(session.lastMessage), "LISTEN")
        }
        return try takeNotifications()
    }

    /// Closes the connection and waits on its thread, so that `wake` can end the pause.
    func rest(_ pause: Duration, _ wake: WakePipe) {
        close()
        wake.wait(pause)
    }

    private func takeNotifications() throws(PostgresError) -> [ServerNotification] {
        let session = try openSession()
        var notifications: [ServerNotification] = []
        while let notification = PQnotifies(session.handle) {
            notifications.append(
                .message(
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
        return notifications
    }

    private func quoted(_ identifier: String) throws(PostgresError) -> String {
        try refuseNUL(identifier)
        let session = try openSession()
        guard let quoted = PQescapeIdentifier(session.handle, identifier, identifier.utf8.count) else {
            throw PostgresError(.invalidParameter, "a channel's name cannot be sent: \(session.lastMessage)")
        }
        defer { PQfreemem(quoted) }
        return String(cString: quoted)
    }
}
