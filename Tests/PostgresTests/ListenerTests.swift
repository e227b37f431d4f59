import Logging
import Postgres
import TestSupport
import Testing

@Suite(.database) struct ListenerTests {
    private func logger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    @Test func aNotificationArrivesOnItsChannel() async throws {
        let connection = try await TestDatabase.current.connect()
        let (heard, feed) = AsyncStream.makeStream(of: ServerNotification.self)
        let listener = Listener(
            try TestDatabase.current.settings, channels: ["odd \"name\""], logger: logger(), heard: { feed.yield($0) })
        let running = Task { try await listener.run() }
        var notifications = heard.makeAsyncIterator()
        #expect(await notifications.next() == .reconnected)
        try await connection.execute(#"NOTIFY "odd ""name""", 'three'"#)
        #expect(await notifications.next() == .message(channel: "odd \"name\"", payload: "three"))
        running.cancel()
        try await running.value
    }

    @Test func aLostConnectionIsOpenedAgainAndSaysSo() async throws {
        let connection = try await TestDatabase.current.connect()
        let (heard, feed) = AsyncStream.makeStream(of: ServerNotification.self)
        let listener = Listener(
            try TestDatabase.current.settings, channels: ["news"], logger: logger(), heard: { feed.yield($0) })
        let running = Task { try await listener.run() }
        var notifications = heard.makeAsyncIterator()
        #expect(await notifications.next() == .reconnected)
        _ = try await connection.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            """)
        #expect(await notifications.next() == .deaf)
        #expect(await notifications.next() == .reconnected)
        try await connection.execute("NOTIFY news")
        #expect(await notifications.next() == .message(channel: "news", payload: ""))
        running.cancel()
        try await running.value
    }
}
