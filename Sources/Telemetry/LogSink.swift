import Dispatch
import Glibc
import Synchronization

/// Writes log lines to a file descriptor without ever making their author wait.
///
/// A thread in the background writes each line with one write(2). When the reader of the pipe stops reading, lines gather up
/// to a limit and are then dropped and counted; once the reader is back, a line `log.dropped` says how many are missing.
/// A request that logs is therefore never held up by its log.
public final class LogSink: Sendable {
    private struct Waiting: Sendable {
        var lines: [[UInt8]] = []
        var bytes = 0
        var dropped = 0
        var droppedSinceReport = 0
        var isWriting = false
    }

    private let descriptor: Int32
    private let capacity: Int
    private let droppedLine: @Sendable (Int) -> [UInt8]
    private let waiting = Mutex(Waiting())
    private let queue = DispatchQueue(label: "settled.log")

    /// - Parameters:
    ///   - descriptor: where lines go; it stays open and stays the caller's.
    ///   - capacity: bytes of lines that may wait; what comes beyond is dropped.
    ///   - droppedLine: makes the line that reports how many lines were dropped.
    public init(
        descriptor: Int32 = STDERR_FILENO, capacity: Int = 4 << 20,
        droppedLine: @escaping @Sendable (Int) -> [UInt8] = { Array("\($0) log lines dropped\n".utf8) }
    ) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.droppedLine = droppedLine
    }

    /// Lines dropped since the start.
    public var dropped: Int { waiting.withLock { $0.dropped } }

    /// Takes one line, its line feed included. Returns at once.
    public func write(_ line: [UInt8]) {
        let mustStart = waiting.withLock { waiting in
            guard waiting.bytes + line.count <= capacity else {
                waiting.dropped += 1
                waiting.droppedSinceReport += 1
                return false
            }
            waiting.lines.append(line)
            waiting.bytes += line.count
            defer { waiting.isWriting = true }
            return !waiting.isWriting
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Waits until everything taken so far is written, or the limit has passed: the last call before the process ends.
    public func flush(within limit: Duration = .seconds(1)) {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + limit.inSeconds)
    }

    private func drain() {
        while let (lines, missing) = next() {
            for line in lines { writeAll(line) }
            if missing > 0 { writeAll(droppedLine(missing)) }
        }
    }

    /// Everything that waits, or nil when nothing does; then the next line starts the thread again.
    private func next() -> (lines: [[UInt8]], missing: Int)? {
        waiting.withLock { waiting in
            guard !waiting.lines.isEmpty || waiting.droppedSinceReport > 0 else {
                waiting.isWriting = false
                return nil
            }
            defer {
                waiting.lines = []
                waiting.bytes = 0
                waiting.droppedSinceReport = 0
            }
            return (waiting.lines, waiting.droppedSinceReport)
        }
    }

    private func writeAll(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                // The descriptor may be shared with a program that made it non-blocking.
                var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&poller, 1, 1000)
            } else if errno != EINTR {
                // The reader is gone for good (EPIPE) or the disk is full: the line is lost, the program is not.
                waiting.withLock { $0.dropped += 1 }
                return
            }
        }
    }
}
