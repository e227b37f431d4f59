import Logging

/// Writes each log event as one JSON object on one line.
///
/// Fields: `ts` (RFC 3339, milliseconds, UTC), `level`, `event` (a stable word, from the metadata key of that name, else the
/// logger's label), `msg`, `service`, `version`, `err.type` and `err.msg` when the event carries an error, and each
/// metadata key as a field of its own. What an outsider wrote can only be a string value, cut at ``longestValue`` bytes.
public struct JSONLogHandler: LogHandler {
    /// Bytes of UTF-8 that one value keeps.
    public static let longestValue = 2048

    /// Bytes after which a line takes no further metadata and says `"truncated":true`, so that many values cannot make a huge line.
    public static let longestLine = 16_384

    public var logLevel: Logger.Level = .info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let service: String
    private let version: String
    private let sink: LogSink
    private let now: @Sendable () -> String

    /// - Parameter now: the time of an event as it is written; the wall clock unless told.
    public init(
        label: String, service: String = "settled", version: String, sink: LogSink,
        metadataProvider: Logger.MetadataProvider? = nil, now: (@Sendable () -> String)? = nil
    ) {
        self.label = label
        self.service = service
        self.version = version
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
        let name = fields.removeValue(forKey: "event").map(LogFields.text) ?? label
        var line = JSONText()
        line.raw("{\"ts\":")
        line.string(now())
        line.raw(",\"level\":")
        line.string(event.level.rawValue)
        line.raw(",\"event\":")
        line.string(name, limit: Self.longestValue)
        line.raw(",\"msg\":")
        line.string(event.message.description, limit: Self.longestValue)
        line.raw(",\"service\":")
        line.string(service)
        line.raw(",\"version\":")
        line.string(version)
        if let error = event.error {
            line.raw(",\"err.type\":")
            line.string(String(describing: type(of: error)), limit: Self.longestValue)
            line.raw(",\"err.msg\":")
            line.string(String(describing: error), limit: Self.longestValue)
        }
        append(fields, hasError: event.error != nil, to: &line)
        line.raw("}\n")
        sink.write(line.bytes)
    }

    private func append(_ fields: Logger.Metadata, hasError: Bool, to line: inout JSONText) {
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            guard line.bytes.count < Self.longestLine else {
                line.raw(",\"truncated\":true")
                return
            }
            let isTaken = Self.ownFields.contains(key) || (hasError && key.hasPrefix("err."))
            line.raw(",")
            line.string(isTaken ? "meta." + key : key, limit: 128)
            line.raw(":")
            append(value, depth: 0, to: &line)
        }
    }

    private func append(_ value: Logger.MetadataValue, depth: Int, to line: inout JSONText) {
        switch value {
        case .string(let text): line.string(text, limit: Self.longestValue)
        case .stringConvertible(let value): append(value, to: &line)
        case .array(let values) where depth < 4:
            line.raw("[")
            for (index, value) in values.enumerated() where line.bytes.count < Self.longestLine {
                if index > 0 { line.raw(",") }
                append(value, depth: depth + 1, to: &line)
            }
            line.raw("]")
        case .dictionary(let fields) where depth < 4:
            line.raw("{")
            var isFirst = true
            for (key, value) in fields.sorted(by: { $0.key < $1.key }) where line.bytes.count < Self.longestLine {
                if !isFirst { line.raw(",") }
                isFirst = false
                line.string(key, limit: 128)
                line.raw(":")
                append(value, depth: depth + 1, to: &line)
            }
            line.raw("}")
        case .array, .dictionary: line.string("…")
        }
    }

    /// Whole numbers and truth values stay what they are, so that a log reader can compute with `duration_ms` and `attempt`.
    private func append(_ value: any CustomStringConvertible, to line: inout JSONText) {
        switch value {
        case let value as Bool: line.raw(value ? "true" : "false")
        case let value as any BinaryInteger where value.description.count <= 15: line.number(value.description)
        default: line.string(value.description, limit: Self.longestValue)
        }
    }

    /// The line that a sink of JSON lines reports dropped lines with: event `log.dropped`, and how many in `count`.
    public static func droppedLine(_ count: Int, service: String = "settled", version: String) -> [UInt8] {
        var line = JSONText()
        line.raw("{\"ts\":")
        line.string(LogTime.now())
        line.raw(
            ",\"level\":\"warning\",\"event\":\"log.dropped\",\"msg\":\"log lines were dropped: their reader is too slow\",\"service\":"
        )
        line.string(service)
        line.raw(",\"version\":")
        line.string(version)
        line.raw(",\"count\":")
        line.number(count)
        line.raw("}\n")
        return line.bytes
    }

    private static let ownFields: Set<String> = ["ts", "level", "msg", "service", "version", "truncated"]
}

/// Puts together the metadata of a logger, of its provider and of one event; the narrower one wins.
enum LogFields {
    static func merged(_ logger: Logger.Metadata, _ provided: Logger.Metadata?, _ event: Logger.Metadata?)
        -> Logger.Metadata
    {
        var fields = logger
        if let provided { fields.merge(provided) { _, narrower in narrower } }
        if let event { fields.merge(event) { _, narrower in narrower } }
        return fields
    }

    static func text(_ value: Logger.MetadataValue) -> String { value.description }
}
