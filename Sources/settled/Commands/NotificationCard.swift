import Alipay
import Postgres
import Settlement
import Wire

/// One notification for people and for programs: how it was judged, and its parameters decoded, persons masked.
struct NotificationCard: Sendable {
    /// What it is called by in the audit log.
    let name: String
    let body: [UInt8]
    let line: JSONLine
    private let facts: [(String, String?)]
    private let parameters: [(name: String, value: String)]

    init(_ record: NotificationRecords.Record) {
        name = "delivery \(record.id)"
        body = record.body
        parameters = Self.parameters(of: record.body)
        facts = [
            ("received", record.receivedAt.local()), ("source", record.source), ("result", record.result),
            ("job", record.jobID.map { String($0) }), ("subject", record.subject),
            ("signed content", record.canonicalForm), ("algorithm", record.algorithm),
            ("key", record.keyFingerprint), ("flags", record.flags.isEmpty ? nil : record.flags),
            ("notify_id", record.notifyID), ("content type", record.contentType), ("from", record.remoteAddress),
            ("bytes", String(record.body.count)),
        ]
        var line = record.line
        line.add("parameters", Self.line(parameters))
        self.line = line
    }

    init(_ record: NotificationRecords.Rejected) {
        name = "rejected \(record.digest)"
        body = record.body
        parameters = Self.parameters(of: record.body)
        facts = [
            ("digest", record.digest), ("source", record.source), ("rejected for", record.cause),
            ("message", record.message), ("times", String(record.times)), ("first", record.firstAt.local()),
            ("last", record.lastAt.local()), ("content type", record.contentType), ("from", record.remoteAddress),
            ("bytes", String(record.body.count)),
        ]
        var line = record.line
        line.add("parameters", Self.line(parameters))
        self.line = line
    }

    var text: String {
        let style = TerminalStyle(isTerminal: StandardOutput.isTerminal)
        var about = Table("NOTIFICATION", "")
        for (name, value) in facts { if let value { about.add(name, value) } }
        var said = Table("PARAMETER", "VALUE")
        for parameter in parameters { said.add(parameter.name, parameter.value) }
        return about.text(style: style) + (said.isEmpty ? "" : "\n" + said.text(style: style))
    }

    private static func line(_ parameters: [(name: String, value: String)]) -> JSONLine {
        var line = JSONLine()
        for parameter in parameters { line.add(parameter.name, parameter.value) }
        return line
    }

    // MARK: Decoding

    /// In the order received. None when the body is no form; a value that its charset lacks is shown byte by byte.
    private static func parameters(of body: [UInt8]) -> [(name: String, value: String)] {
        guard let form = try? FormBody(parsing: body) else { return [] }
        let label = form.value(of: "charset").map { String(decoding: $0, as: UTF8.self) }
        let charset = label.flatMap { Charset(label: $0) } ?? .utf8
        return form.parameters.map { parameter in
            let name = String(decoding: parameter.name, as: UTF8.self)
            let value = charset.decode(parameter.value) ?? String(decoding: parameter.value, as: UTF8.self)
            return (name, masked(name, value))
        }
    }

    /// A parameter's value with persons masked.
    static func masked(_ name: String, _ value: String) -> String {
        switch name {
        case "buyer_user_id", "buyer_id", "buyer_open_id", "user_id", "open_id": return Mask.account(value)
        case "buyer_logon_id", "buyer_name", "phone", "mobile": return Mask.login(value)
        case "body":
            // room|community|household: the last names a home.
            let parts = value.split(separator: "|", omittingEmptySubsequences: false)
            guard parts.count >= 3 else { return value }
            return parts[..<2].joined(separator: "|") + "|" + Mask.text(parts[2...].joined(separator: "|"))
        default: return value
        }
    }
}

extension NotificationRecords.Record {
    var line: JSONLine {
        var line = JSONLine()
        line.add("id", id)
        line.add("received_at", receivedAt)
        line.add("source", source)
        line.add("result", result)
        line.add("subject", subject)
        line.add("job_id", jobID)
        line.add("canonical_form", canonicalForm)
        line.add("algorithm", algorithm)
        line.add("key_fingerprint", keyFingerprint)
        line.add("flags", strings: flags.split { $0 == "," || $0 == " " }.map(String.init))
        line.add("notify_id", notifyID)
        line.add("content_type", contentType)
        line.add("remote_address", remoteAddress)
        line.add("bytes", body.count)
        return line
    }
}

extension NotificationRecords.Rejected {
    var line: JSONLine {
        var line = JSONLine()
        line.add("digest", digest)
        line.add("source", source)
        line.add("cause", cause)
        line.add("message", message)
        line.add("times", times)
        line.add("first_at", firstAt)
        line.add("last_at", lastAt)
        line.add("content_type", contentType)
        line.add("remote_address", remoteAddress)
        line.add("bytes", body.count)
        return line
    }
}
