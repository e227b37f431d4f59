import Logging

/// Writes each log event as one line for a person at a terminal: time, level, message, then the metadata as `key=value`.
///
/// Control characters are shown escaped, so that nothing an outsider wrote can move the cursor or colour the screen.
public struct TextLogHandler: LogHandler {
    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let usesColor: Bool
    private let sink: LogSink
    private let now: @Sendable () -> String

    /// - Parameters:
    ///   - usesColor: whether the level is coloured; false with NO_COLOR or TERM=dumb.
    ///   - now: the time of an event as it is written; the wall clock unless told.
    public init(
        label: String, usesColor: Bool, sink: LogSink, metadataProvider: Logger.MetadataProvider? = nil,
        now: (@Sendable () -> String)? = nil
    ) {
        self.label = label
        self.usesColor = usesColor
        self.sink = sink
        self.metadataProvider = metadataProvider
        self.now = now ?? { LogTime.now() }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = LogFields.merged(metadata, metadataProvider?.get(), event.metadata)
        if let error = event.error {
            fields["err.type"] = .string(String(describing: type(of: error)))
            fields["err.msg"] = .string(String(describing: error))
        }
        var line = now() + " " + levelText(event.level) + " " + TerminalText.oneLine(event.message.description)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " " + TerminalText.oneLine(key) + "=" + quoted(LogFields.text(value))
        }
        sink.write(Array((line + "\n").utf8))
    }

    private func quoted(_ text: String) -> String {
        let shown = TerminalText.oneLine(String(text.prefix(JSONLogHandler.longestValue)))
        return shown.contains(" ") || shown.isEmpty ? "\"\(shown)\"" : shown
    }

    private func levelText(_ level: Logger.Level) -> String {
        let name = level.rawValue.uppercased()
        let padded = name + String(repeating: " ", count: max(0, 8 - name.count))
        guard usesColor else { return padded }
        let color =
            switch level {
            case .critical, .error: "31"
            case .warning: "33"
            case .notice, .info: "32"
            case .debug, .trace: "90"
            }
        return "\u{1B}[\(color)m\(padded)\u{1B}[0m"
    }
}
