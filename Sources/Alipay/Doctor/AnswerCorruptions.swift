import Wire

// What happens to the gateway's answers before their signature is checked.

extension Corruption {
    static let wrongNode = Corruption(
        "wrong_node", "Another node than that of the method was signed.",
        do: """
            The answer belongs to another method, or the wrong part was cut out of it. The signed part is the value of \
            the method's name with _ for ., and _response behind it.
            """)
    static let answerInString = Corruption(
        "answer_in_string", "What was captured is the answer inside a string, its quotes escaped.",
        do: "Nothing is wrong with the answer; verify and keep its bytes before they are put into a log or a message.")
    static let answerRewritten = Corruption(
        "answer_rewritten",
        "The answer was parsed and written again: other blanks, escapes (\\/, \\u4e2d) or number forms than those signed.",
        do: """
            The signature covers the bytes of the node as they came. Cut the node out of the raw text; \
            toJSONString(parse(text)) is another text.
            """)
    static let slashesUnescaped = Corruption(
        "slashes_unescaped", "Every \\/ of the answer has become /.",
        do: "Something decoded the JSON's escapes on the way. Verify the raw text of the node.")
    static let slashesEscaped = Corruption(
        "slashes_escaped", "Every / of the answer has become \\/.",
        do: "A layer in front escaped it (PHP's json_encode does). Verify the raw text, or once more with \\/ undone.")
    static let answerDecrypted = Corruption(
        "answer_decrypted", "What was captured is the decrypted content; the ciphertext was signed, with its quotes.",
        do: "Verify first and decrypt afterwards: the signed text is the quoted Base64.")
    static let cipherQuotesLost = Corruption(
        "cipher_quotes_lost", "The ciphertext has lost the quotes around it.",
        do: "The quotes belong to the signed text and to the JSON. Keep the answer as it came.")
    static let cipherQuotesUnsigned = Corruption(
        "cipher_quotes_unsigned", "The ciphertext was signed without the quotes around it.",
        do: "Alipay signs them too. If this gateway is a simulation of yours, let it sign the quoted text.")

    static func answerAlgorithm(_ algorithm: SignatureAlgorithm) -> Corruption {
        Corruption(
            "algorithm_not_allowed", "The answer is signed with \(algorithm.rawValue), and the app expects the other.",
            do:
                "Requests and answers use one algorithm: set sign_type: \(algorithm.rawValue) for the app, or change it in the console."
        )
    }

    /// What the program refuses whatever the signature.
    static func refused(_ error: EnvelopeError) -> Corruption {
        let advice =
            switch error.cause {
            case .duplicateNode, .wrongNode:
                "Two readers could take different parts for the answer, so none is taken. Ask again; if it stays, capture "
                    + "the answer without a proxy in between."
            case .notInCharset: "Set the app's charset to the one that the gateway answers in."
            case .unknownCertificate: "The certificate is downloaded by the running program; see settled keys check."
            case .missingCertificate: "In certificate mode every success names its certificate; is the app in key mode?"
            case .notDecryptable: "The signature is right and the content key is not: compare aes_key with the console."
            default: "The signature itself is right; see the sentence above."
            }
        return Corruption(
            "refused_\(error.cause.rawValue)", "The program refuses it for another reason: \(error.message).",
            do: advice)
    }
}

enum AnswerCorruptions {
    static func repairs(_ contentKey: ContentKey?) -> [Repair<CapturedNode>] {
        [
            Repair(.slashesEscaped) { node in one(node, JSONEscapes.withoutSlashes(node.content)) },
            Repair(.slashesUnescaped) { node in one(node, JSONEscapes.slashes(node.content)) },
            Repair(.answerRewritten) { node in rewritten(node) },
            Repair(.utf8OfGBK) { node in one(node, CharsetCorruptions.gbkBytes(node.content)) },
            Repair(.gbkOfUTF8) { node in one(node, CharsetCorruptions.utf8Bytes(node.content)) },
            Repair(.readAsLatin1) { node in one(node, Latin1.bytes(of: node.content)) },
            Repair(.answerDecrypted) { node in contentKey.map { encrypted(node, $0) } ?? [] },
            Repair(.cipherQuotesUnsigned) { node in
                one(node, node.content.first == UInt8(ascii: "\"") ? Array(node.content.dropFirst().dropLast()) : nil)
            },
        ]
    }

    private static func one(_ node: CapturedNode, _ content: [UInt8]?) -> [Variant<CapturedNode>] {
        guard let content, content != node.content else { return [] }
        return [Variant(node.with(content), isBroad: true)]
    }

    private static func rewritten(_ node: CapturedNode) -> [Variant<CapturedNode>] {
        guard let value = try? JSONValue(parsing: node.content) else { return [] }
        return [value, withTwoDecimals(value)].flatMap { value in
            JSONStyle.all.flatMap { one(node, $0.bytes(value)) }
        }
    }

    /// Numbers with one digit behind the point with two.
    private static func withTwoDecimals(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let digits):
            let parts = digits.split(separator: ".")
            return parts.count == 2 && parts[1].count == 1 ? .number(digits + "0") : value
        case .array(let elements): return .array(elements.map(withTwoDecimals))
        case .object(let object): return .object(object.mapValues(withTwoDecimals))
        case .null, .bool, .string: return value
        }
    }

    /// Equal contents give equal ciphertexts, so that what was decrypted can be encrypted again.
    private static func encrypted(_ node: CapturedNode, _ key: ContentKey) -> [Variant<CapturedNode>] {
        guard node.content.first == UInt8(ascii: "{"), let cipher = key.encrypt(node.content) else { return [] }
        let quoted = Array("\"\(Base64.encode(cipher))\"".utf8)
        return one(node, quoted) + one(node, JSONEscapes.slashes(quoted))
    }
}
