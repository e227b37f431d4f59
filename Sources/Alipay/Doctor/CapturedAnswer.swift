import Wire

/// The part of a captured answer that may be the signed one: the text of one member of the outermost object.
struct CapturedNode: DoctorSubject, Sendable, Hashable {
    let key: String
    /// Exactly as it stands in the answer, braces or quotes included.
    var content: [UInt8]
    /// What `sign` says in the answer that this is a part of.
    let signs: [[UInt8]]

    var size: Int { content.count }

    func with(_ content: [UInt8]) -> CapturedNode {
        var node = self
        node.content = content
        return node
    }
}

/// The ways to read a captured answer, the plain one first.
enum AnswerReadings {
    typealias Reading = DoctorSearch<CapturedNode, CapturedNode>.Reading

    /// - Parameter expected: the names that the node of an answer may have.
    static func all(of body: [UInt8], expected: [String]) -> [Reading] {
        var readings: [Reading] = []
        func add(_ text: [UInt8]?, _ supposes: [DoctorFinding]) {
            for node in text.map(nodes) ?? [] where !readings.contains(where: { $0.subject == node }) {
                let isExpected = expected.contains(node.key)
                readings.append(
                    Reading(
                        subject: node,
                        supposes: supposes
                            + (isExpected ? [] : [DoctorFinding(.wrongNode, [String(node.key.prefix(64))])])))
            }
        }
        add(body, [])
        let text = headless(body)
        add(text, [DoctorFinding(.captureWithHeaders)])
        add(string(text), [DoctorFinding(.answerInString)])
        add(HTMLText.unescaped(text), [DoctorFinding(.htmlEscaped)])
        add(PercentText.decoded(text, plusIsBlank: false), [DoctorFinding(.encodedTwice)])
        add(withQuotes(text), [DoctorFinding(.cipherQuotesLost)])
        return readings.filter { $0.supposes.allSatisfy { $0.corruption != .wrongNode } }
            + readings.filter { $0.supposes.contains { $0.corruption == .wrongNode } }
    }

    /// More members than a gateway's answer has are not looked at.
    private static let mostNodes = 16

    private static func nodes(of text: [UInt8]) -> [CapturedNode] {
        let isUTF8 = String(validating: text, as: UTF8.self) != nil
        guard let members = try? JSONScanner.topLevel(of: text, pairedBytes: !isUTF8, allowsEqualKeys: true) else {
            return []
        }
        let signs = members.filter { $0.key == "sign" }.compactMap { member -> [UInt8]? in
            guard case .string(let sign)? = try? JSONScanner.value(of: Array(text[member.range])) else { return nil }
            return Array(sign.utf8)
        }
        return members.filter { $0.key != "sign" && $0.key != "alipay_cert_sn" && $0.key != "sign_type" }
            .prefix(mostNodes)
            .map { CapturedNode(key: $0.key, content: Array(text[$0.range]), signs: signs) }
    }

    private static func headless(_ body: [UInt8]) -> [UInt8] {
        var text = body[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        if text.starts(with: "HTTP/".utf8) { return CaptureReadings.withoutHeaders(Array(text)) }
        return Array(text)
    }

    /// An answer inside a string, with its quotes or without them.
    private static func string(_ text: [UInt8]) -> [UInt8]? {
        let bare = CaptureReadings.withoutEdges(text)
        // In a string no quote stands by itself.
        guard let quote = bare.firstIndex(of: UInt8(ascii: "\"")), quote > 0, bare[quote - 1] == UInt8(ascii: "\\")
        else {
            return nil
        }
        return JSONEscapes.undone(bare)
    }

    /// A ciphertext without quotes around it, as it is no JSON: `"…_response":Base64,`.
    private static func withQuotes(_ text: [UInt8]) -> [UInt8]? {
        guard let name = text.firstRange(of: Array("_response\":".utf8)) else { return nil }
        let start = name.upperBound
        let end =
            text[start...].firstIndex { byte in
                byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "\"")
            } ?? text.endIndex
        guard end > start, text[start] != UInt8(ascii: "{"), text[start] != UInt8(ascii: "\"") else { return nil }
        return text[..<start] + [UInt8(ascii: "\"")] + text[start..<end] + [UInt8(ascii: "\"")] + text[end...]
    }
}
