import Synchronization
import Telemetry

/// The logs that this process writes, so that the last lines are written before it ends, and lost ones are counted.
enum ProgramLog {
    private static let sinks = Mutex<[LogSink]>([])

    static func open(_ descriptor: Int32, writesJSON: Bool) -> LogSink {
        let sink =
            writesJSON
            ? LogSink(descriptor: descriptor) { JSONLogHandler.droppedLine($0, version: Version.current) }
            : LogSink(descriptor: descriptor)
        sinks.withLock { $0.append(sink) }
        return sink
    }

    /// Lines dropped since the start because their reader was too slow.
    static var dropped: Int { sinks.withLock { $0 }.reduce(0) { $0 + $1.dropped } }

    /// Writes what still waits; a reader that does not read holds the end up for a second and no longer.
    static func flush() {
        for sink in sinks.withLock({ $0 }) { sink.flush(within: .seconds(1)) }
    }
}
