import CLibPQ
import Glibc

/// A libpq handle, and the waiting on its socket: each wait has a deadline.
///
/// Not Sendable: only its connection's thread touches it.
final class Session {
    enum Failure: Error {
        case expired
        case lost(String)
        /// Our own call does not fit what the server waits for.
        case misused(String)
    }

    let handle: OpaquePointer
    private let notices = NoticeLog()

    /// Takes over a connected `handle` and closes it at the end.
    init(_ handle: OpaquePointer) {
        self.handle = handle
        // Without this a send may block for ever once both sides' socket buffers are full.
        PQsetnonblocking(handle, 1)
        notices.attach(to: handle)
    }

    deinit {
        PQfinish(handle)
    }

    var isConnected: Bool { PQstatus(handle) == CONNECTION_OK }
    var transactionStatus: PGTransactionStatusType { PQtransactionStatus(handle) }
    var lastMessage: String { oneLine(String(cString: PQerrorMessage(handle))) }

    func drainNotices() -> [Notice] { notices.drain() }

    /// The next result of what was sent; nil when there is no more.
    func nextResult(until deadline: ContinuousClock.Instant) throws(Failure) -> OpaquePointer? {
        try flush(until: deadline)
        while PQisBusy(handle) != 0 {
            try wait(for: POLLIN, until: deadline)
            try consume()
        }
        return PQgetResult(handle)
    }

    /// Hands everything that libpq has buffered to the kernel.
    func flush(until deadline: ContinuousClock.Instant) throws(Failure) {
        while true {
            let left = PQflush(handle)
            if left == 0 { return }
            if left < 0 { throw .lost(lastMessage) }
            // The server may itself be blocked in sending to us: read too, or both wait for ever.
            let ready = try wait(for: POLLIN | POLLOUT, until: deadline)
            if ready & Int16(POLLIN) != 0 { try consume() }
        }
    }

    func consume() throws(Failure) {
        if PQconsumeInput(handle) == 0 { throw .lost(lastMessage) }
    }

    /// Whether the server still holds its end: a closed connection shows as readable and fails to be read.
    ///
    /// A server that ends a backend says so first and closes a moment later. libpq takes a fatal error that comes between
    /// two statements for a notice, so the notices are looked at too.
    func isAlive() -> Bool {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        while isConnected, poll(&descriptor, 1, 0) > 0 {
            guard PQconsumeInput(handle) != 0 else { return false }
            // Parses what was read; nothing is under way, so nothing can be busy.
            _ = PQisBusy(handle)
            if notices.drain().contains(where: \.isFatal) { return false }
        }
        return isConnected
    }

    /// Waits until the socket is ready for one of `events`, or `wake` has been signalled.
    @discardableResult
    func wait(
        for events: Int32, until deadline: ContinuousClock.Instant, wake: WakePipe? = nil
    ) throws(Failure) -> Int16 {
        var descriptors = [pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)]
        if let wake { descriptors.append(pollfd(fd: wake.readEnd, events: Int16(POLLIN), revents: 0)) }
        guard descriptors[0].fd >= 0 else { throw .lost("the connection is closed") }
        while true {
            let left = deadline - .now
            guard left > .zero else { throw .expired }
            let ready = poll(&descriptors, nfds_t(descriptors.count), milliseconds(left))
            if ready > 0 { return descriptors[0].revents }
            if ready < 0 && errno != EINTR { throw .lost("poll failed: \(String(cString: strerror(errno)))") }
        }
    }

    private func milliseconds(_ duration: Duration) -> Int32 {
        let (seconds, attoseconds) = duration.components
        // Rounded up, so that the last wait does not spin; capped, because a wait of hours is as good as one of weeks.
        return Int32(min(seconds, 3_600) * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
    }
}
