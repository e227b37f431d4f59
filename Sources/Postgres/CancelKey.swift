import CLibPQ

/// The key with which whatever a connection's server process does now can be cancelled, from any thread.
final class CancelKey: Sendable {
    // PQcancel is documented as thread-safe: a PGcancel is a copy of what it needs and is never changed.
    nonisolated(unsafe) private let key: OpaquePointer

    init?(_ handle: OpaquePointer) {
        guard let key = PQgetCancel(handle) else { return nil }
        self.key = key
    }

    deinit {
        PQfreeCancel(key)
    }

    /// Sends the request from a thread of its own: it opens a second connection, which may block.
    func send() {
        DetachedThread.start {
            var message = [CChar](repeating: 0, count: 256)
            // When it fails the statement runs on, and its own deadline closes the connection.
            PQcancel(self.key, &message, Int32(message.count))
        }
    }
}
