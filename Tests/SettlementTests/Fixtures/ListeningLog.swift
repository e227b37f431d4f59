import Logging

/// A log handler that keeps every line with its metadata, for tests that look for what must not be there.
struct ListeningLog: LogHandler {
    let lines: Notes<String>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let error = event.error.map { "\($0)" } ?? ""
        lines.add("\(event.message) \(metadata) \(event.metadata ?? [:]) \(error)")
    }
}
