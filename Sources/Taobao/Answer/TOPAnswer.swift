import Wire

/// The outer part of an answer, the same for every method: what was asked for, or an error of the platform.
enum TOPAnswer: Sendable, Hashable {
    /// The method's `result` and the platform's id of the request.
    case result(AnswerNode, requestID: String?)
    case error(TOPError)

    /// Reads an answer to `method`: JSON with or without the method's own node, or XML. Which one it is shows in its first
    /// byte, because errors may come in another format than the one that was asked for.
    init(_ body: [UInt8], to method: String) throws(AnswerError) {
        let root = try Self.tree(body)
        let node = method.map { $0 == "." ? "_" : String($0) }.joined() + "_response"
        let (error, answer) = (root["error_response"], root[node])
        if error != nil, answer != nil || root["result"] != nil {
            throw AnswerError("the answer is an error and a result at once")
        }
        if let error {
            self = .error(TOPError(error))
            return
        }
        // Simplified JSON has no node of the method's own.
        let envelope = answer ?? root
        guard let result = envelope["result"], !result.isEmpty else {
            throw AnswerError("the answer has no result")
        }
        self = .result(result, requestID: envelope["request_id"]?.text)
    }

    private static func tree(_ body: [UInt8]) throws(AnswerError) -> AnswerNode {
        let first = body.first { !($0 == 0x20 || (0x9...0xD).contains($0)) }
        // 0xEF begins a byte order mark, which JSON does not have.
        if first == UInt8(ascii: "<") || first == 0xEF {
            let root: XMLElement
            do throws(XMLError) {
                root = try XMLReader.root(of: body)
            } catch {
                throw AnswerError("the answer is no XML that is accepted here: \(error)")
            }
            return .record([AnswerNode.Member(name: root.name, value: try AnswerNode(root))])
        }
        do throws(JSONError) {
            return AnswerNode(try JSONValue(parsing: body))
        } catch {
            throw AnswerError("the answer is neither JSON nor XML: \(error)")
        }
    }
}

/// An error as the platform words it.
struct TOPError: Sendable, Hashable {
    var code: String?
    var message: String?
    var subCode: String?
    var subMessage: String?
    var requestID: String?

    init(code: String?, message: String? = nil, subCode: String?, subMessage: String? = nil, requestID: String? = nil) {
        self.code = code
        self.message = message
        self.subCode = subCode
        self.subMessage = subMessage
        self.requestID = requestID
    }

    init(_ node: AnswerNode) {
        self.init(
            code: Self.word("code", of: node), message: Self.word("msg", of: node),
            subCode: Self.word("sub_code", of: node), subMessage: Self.word("sub_msg", of: node),
            requestID: Self.word("request_id", of: node))
    }

    /// XML writes what is not there as an empty element.
    private static func word(_ name: String, of node: AnswerNode) -> String? {
        node[name]?.text.flatMap { $0.isEmpty ? nil : $0 }
    }
}
