import Wire

/// Writes TOP's answers: an invented tree, as JSON, simplified JSON or XML.
struct TOPText: Sendable {
    /// A tree that can be written in each form. A list knows its item's wrapper.
    indirect enum Node: Sendable {
        case text(String)
        case number(String)
        case flag(Bool)
        case record([(String, Node)])
        case list(item: String, [Node])
        /// Written as JSON into a text.
        case packed(Node)
    }

    let format: TOPRequest.Format

    /// The whole body of an answer to `method`.
    func answer(_ result: Node, method: String, requestID: String) -> [UInt8] {
        let root = method.map { $0 == "." ? "_" : String($0) }.joined() + "_response"
        let envelope = Node.record([("result", result), ("request_id", .text(requestID))])
        return switch format {
        case .json: Array(json(.record([(root, envelope)])).utf8)
        case .simplified: Array(json(envelope).utf8)
        case .xml: Array((Self.head + xml(root, envelope) + "<!--top011-->").utf8)
        }
    }

    func error(_ refusal: TOPRefusal, requestID: String) -> [UInt8] {
        var members: [(String, Node)] = [("code", .number(String(refusal.code))), ("msg", .text(refusal.message))]
        if let subCode = refusal.subCode { members.append(("sub_code", .text(subCode))) }
        if let subMessage = refusal.subMessage { members.append(("sub_msg", .text(subMessage))) }
        members.append(("request_id", .text(requestID)))
        let node = Node.record(members)
        return Array(
            (format == .xml ? Self.head + xml("error_response", node) : json(.record([("error_response", node)]))).utf8)
    }

    private static let head = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>"

    private func json(_ node: Node) -> String {
        switch node {
        case .text(let text): quoted(text)
        case .number(let digits): digits
        case .flag(let flag): flag ? "true" : "false"
        case .record(let members):
            "{" + members.map { quoted($0.0) + ":" + json($0.1) }.joined(separator: ",") + "}"
        case .list(let item, let elements):
            if format == .simplified {
                "[" + elements.map(json).joined(separator: ",") + "]"
            } else if elements.isEmpty {
                "{}"
            } else {
                "{" + quoted(item) + ":[" + elements.map(json).joined(separator: ",") + "]}"
            }
        case .packed(let inner): quoted(json(inner))
        }
    }

    private func xml(_ name: String, _ node: Node) -> String {
        switch node {
        case .text(let text), .number(let text): "<\(name)>\(escaped(text))</\(name)>"
        case .flag(let flag): "<\(name)>\(flag)</\(name)>"
        case .record(let members): "<\(name)>" + members.map { xml($0.0, $0.1) }.joined() + "</\(name)>"
        case .list(let item, let elements):
            "<\(name) list=\"true\">" + elements.map { xml(item, $0) }.joined() + "</\(name)>"
        case .packed(let inner): "<\(name)>\(escaped(TOPText(format: .json).json(inner)))</\(name)>"
        }
    }

    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
