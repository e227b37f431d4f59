import Wire

/// A part of an answer, whether it was written as JSON or as XML: what reads a bill does not care which.
enum AnswerNode: Sendable, Hashable {
    struct Member: Sendable, Hashable {
        let name: String
        let value: AnswerNode
    }

    case nothing
    /// Strings, numbers with their digits as received, `true` and `false`.
    case text(String)
    case list([AnswerNode])
    case record([Member])

    subscript(_ name: String) -> AnswerNode? {
        guard case .record(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a field; nil when it is missing, null, or no text at all.
    var text: String? { if case .text(let text) = self { text } else { nil } }

    /// Whether nothing stands here: null, an empty text, an empty object or list. All are seen where a list is empty.
    var isEmpty: Bool {
        switch self {
        case .nothing: true
        case .text(let text): text.allSatisfy(\.isWhitespace)
        case .list(let elements): elements.isEmpty
        case .record(let members): members.isEmpty
        }
    }
}

extension AnswerNode {
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .nothing
        case .bool(let flag): self = .text(flag ? "true" : "false")
        case .number(let digits): self = .text(digits)
        case .string(let text): self = .text(text)
        case .array(let elements): self = .list(elements.map(AnswerNode.init))
        case .object(let object):
            self = .record(object.members.map { Member(name: $0.key, value: AnswerNode($0.value)) })
        }
    }

    /// An element with children is a record, in which elements of one name are a list; without children it is its text.
    /// Of attributes only `request_id` says anything; lists may carry `list="true"`.
    ///
    /// - Throws: ``AnswerError`` for text between child elements, which nothing here could mean.
    init(_ element: XMLElement) throws(AnswerError) {
        guard !element.children.isEmpty else {
            self = .text(element.text)
            return
        }
        guard element.text.allSatisfy(\.isWhitespace) else {
            throw AnswerError("there is text between the elements of \(element.name)")
        }
        var names: [String] = []
        var values: [String: [AnswerNode]] = [:]
        for child in element.children {
            if values[child.name] == nil { names.append(child.name) }
            values[child.name, default: []].append(try AnswerNode(child))
        }
        var members = names.map { name in
            let found = values[name] ?? []
            return Member(name: name, value: found.count == 1 ? found[0] : .list(found))
        }
        for attribute in element.attributes where attribute.name == "request_id" && values["request_id"] == nil {
            members.append(Member(name: attribute.name, value: .text(attribute.value)))
        }
        self = .record(members)
    }
}

/// An answer that cannot be read as one of TOP's.
struct AnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
