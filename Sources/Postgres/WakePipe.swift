import Glibc

/// A pipe that ends a wait on a socket from another thread.
final class WakePipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // With no descriptors left both ends stay -1, which poll ignores; waits then end with their deadline.
        if pipe(&ends) != 0 { ends = [-1, -1] }
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        if readEnd >= 0 { close(readEnd) }
        if writeEnd >= 0 { close(writeEnd) }
    }

    func signal() {
        var byte: UInt8 = 1
        // A full pipe is signalled already.
        _ = write(writeEnd, &byte, 1)
    }

    /// A signal stays: the byte is never read.
    var isSignalled: Bool { isReadable(within: 0) }

    /// Returns when `duration` has passed or the pipe is signalled.
    func wait(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        _ = isReadable(within: Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000))
    }

    private func isReadable(within milliseconds: Int32) -> Bool {
        var descriptor = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, milliseconds) > 0
    }
}
