import Wire

/// One call as TOP's router understands it, made only of parameters whose signature was verified.
struct TOPRequest: Sendable {
    enum Format: Sendable { case json, simplified, xml }

    var method: String
    var format: Format
    var session: String?
    var param: JSONValue?
}

/// Reads and checks a call in the router's order.
struct TOPCheck: Sendable {
    var appKey: String
    var secret: String
    /// Unix seconds, now.
    var clock: @Sendable () -> Int64
    /// Ten minutes, says the guide.
    var tolerance: Int64 = 600

    /// The form in which the caller wants its answer, errors too; XML unless told.
    static func format(of body: [UInt8]) -> TOPRequest.Format {
        let fields = fields(FormText.parse(body) ?? [])
        guard fields["format"] == "json" else { return .xml }
        return fields["simplify"] == "true" ? .simplified : .json
    }

    func request(_ body: [UInt8]) throws(TOPRefusal) -> TOPRequest {
        guard let raw = FormText.parse(body) else { throw .parameterError }
        let fields = Self.fields(raw)
        guard fields.count == raw.count else { throw .parameterError }
        guard let key = fields["app_key"], !key.isEmpty else { throw .missingAppKey }
        guard key == appKey else { throw .invalidAppKey }
        guard let method = fields["method"], !method.isEmpty else { throw .missingMethod }
        guard let version = fields["v"] else { throw .missingVersion }
        guard version == "2.0" else { throw .invalidVersion }
        if let format = fields["format"], !["json", "xml"].contains(format) { throw .invalidFormat }
        try checkTimestamp(fields["timestamp"])
        guard let sign = fields["sign"], !sign.isEmpty else { throw .missingSignature }
        guard TOPSignature.of(raw, method: fields["sign_method"] ?? "md5", secret: secret) == sign else {
            throw .invalidSignature
        }
        // Blank values are signed by nobody, so nobody may send them.
        guard !fields.values.contains(where: { $0.allSatisfy(\.isWhitespace) }) else { throw .parameterError }
        return TOPRequest(
            method: method, format: Self.format(of: body), session: fields["session"],
            param: fields["param"].flatMap { try? JSONValue(parsing: Array($0.utf8)) })
    }

    private func checkTimestamp(_ text: String?) throws(TOPRefusal) {
        guard let text else { throw .missingTimestamp }
        guard let seconds = ShanghaiTime.parse(text), abs(seconds - clock()) <= tolerance else {
            throw .invalidTimestamp
        }
    }

    private static func fields(_ raw: [(name: [UInt8], value: [UInt8])]) -> [String: String] {
        Dictionary(
            raw.map { (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self)) },
            uniquingKeysWith: { first, _ in first })
    }
}
