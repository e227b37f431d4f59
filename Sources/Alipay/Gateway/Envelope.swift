import Wire

/// An answer of the gateway whose signature was checked; the only door through which its contents come in.
///
/// The signature covers the bytes of one value in the answer's JSON text, exactly as they stand there: inner blanks,
/// `\/`, `\uXXXX` and the order of keys included. So the value is cut out first, verified, and then read from those same
/// bytes; nothing else in the answer is looked at. Source: Alipay's Java SDK, and the cases R01–R21 of the vectors.
public struct Envelope: Sendable, Hashable {
    /// False only for a failure that came without a signature, which may lead to asking again and to nothing else.
    public let verified: Bool
    /// The bytes that the signature covers, from the node's opening brace (or quote) to its closing one.
    public let signedContent: [UInt8]
    /// The answer itself; decrypted where it was encrypted.
    public let node: JSONObject
    /// Base64, as it came.
    public let signature: String?
    /// Which of the app's keys verified it.
    public let keyFingerprint: String?
    /// Certificate mode: the number of the certificate that signed. It is not covered by the signature.
    public let certificateNumber: String?
    /// The answer was not in the charset that was asked for and was read as GBK: fit for diagnosis only.
    public let readAsGBK: Bool

    /// `10000`, `40004` …; also when it was written as a number.
    public var code: String? { node["code"]?.text }
    public var message: String? { node["msg"]?.text }
    public var subCode: String? { node["sub_code"]?.text.flatMap { $0.isEmpty ? nil : $0 } }
    public var subMessage: String? { node["sub_msg"]?.text }

    /// Whether it is verified and says that the call succeeded. A missing sub_code alone does not: 10003 has none.
    public var isSuccess: Bool { verified && code == "10000" && subCode == nil && !readAsGBK }

    /// Opens an answer to `method`.
    ///
    /// - Throws: ``EnvelopeError``. A success without signature, and anything with a wrong one, never comes out of here.
    ///
    /// In certificate mode only the key of the certificate that the answer names verifies it, and a success must name one.
    public static func open(_ body: [UInt8], method: String, app: GatewayApp) throws(EnvelopeError) -> Envelope {
        guard let certificates = app.certificateMode else {
            return try open(
                body, method: method, keys: app.alipayKeys, algorithm: app.algorithm, charset: app.charset,
                contentKey: app.contentKey)
        }
        let envelope = try open(
            body, method: method, algorithm: app.algorithm, charset: app.charset, contentKey: app.contentKey
        ) { number throws(EnvelopeError) in
            guard let number else { return certificates.trust.keys }
            if let key = certificates.trust.key(number) { return [key] }
            throw EnvelopeError(
                .unknownCertificate, "the answer was signed with a certificate that is not known here",
                certificateNumber: number)
        }
        // The number itself is not signed: it chooses among keys that are believed, and nothing else.
        if envelope.code == "10000", envelope.certificateNumber == nil {
            throw EnvelopeError(.missingCertificate, "the answer is a success and has no alipay_cert_sn")
        }
        return envelope
    }

    public static func open(
        _ body: [UInt8], method: String, keys: [PublicKey], algorithm: SignatureAlgorithm = .rsa2,
        charset: Charset = .utf8, contentKey: ContentKey? = nil
    ) throws(EnvelopeError) -> Envelope {
        try open(body, method: method, algorithm: algorithm, charset: charset, contentKey: contentKey) { _ in keys }
    }

    /// - Parameter keys: those that may have signed an answer which names this certificate, or none.
    private static func open(
        _ body: [UInt8], method: String, algorithm: SignatureAlgorithm, charset: Charset, contentKey: ContentKey?,
        keys: (_ certificateNumber: String?) throws(EnvelopeError) -> [PublicKey]
    ) throws(EnvelopeError) -> Envelope {
        let (answerCharset, readAsGBK) = try self.charset(of: body, asked: charset)
        let members = try topLevel(of: body, charset: answerCharset)
        let range = try node(among: members, method: method).range
        let signature = try self.signature(among: members, in: body)
        let number = text("alipay_cert_sn", among: members, in: body).flatMap { $0.isEmpty ? nil : $0 }

        var content = Array(body[range])
        var fingerprint: String?
        if let signature {
            let keys = try keys(number)
            let proof = verify(content, signature, keys: keys, algorithm: algorithm, charset: answerCharset)
            guard let proof else {
                throw EnvelopeError(.badSignature, "no key of this app verifies the answer (\(keys.count) tried)")
            }
            (content, fingerprint) = proof
        }
        let node = try read(content, charset: answerCharset, verified: signature != nil, contentKey: contentKey)
        let envelope = Envelope(
            verified: signature != nil, signedContent: content, node: node, signature: signature,
            keyFingerprint: fingerprint, certificateNumber: number,
            readAsGBK: readAsGBK)
        guard envelope.verified || envelope.saysFailure else {
            throw EnvelopeError(.missingSign, "the answer is no failure and has no signature")
        }
        return envelope
    }

    /// Only a plain failure is let through unsigned. 10003 (waiting for the buyer) and an absent code are none.
    private var saysFailure: Bool {
        guard let code, !code.isEmpty else { return subCode != nil }
        return code != "10000" && code != "10003"
    }

    // MARK: Finding the signed bytes

    /// The charset of an answer: the one asked for, else GBK, in which the gateway writes some of its own failures.
    private static func charset(
        of body: [UInt8], asked: Charset
    ) throws(EnvelopeError) -> (Charset, readAsGBK: Bool) {
        guard !body.allSatisfy({ $0 <= 0x20 }) else { throw EnvelopeError(.empty, "the answer is empty") }
        if asked == .utf8 ? body.isValidUTF8 : asked.decode(body) != nil { return (asked, false) }
        if asked == .utf8, Charset.gbk.decode(body) != nil { return (.gbk, true) }
        throw EnvelopeError(.notInCharset, "the answer is not valid \(asked)")
    }

    private static func topLevel(of body: [UInt8], charset: Charset) throws(EnvelopeError) -> [JSONScanner.Member] {
        do throws(JSONError) {
            return try JSONScanner.topLevel(of: body, pairedBytes: charset != .utf8)
        } catch {
            throw EnvelopeError(error.code == .duplicateKey ? .duplicateNode : .notJSON, "the answer: \(error)")
        }
    }

    /// The one member that answers: named after the method, or `error_response`. A second member that looks like an
    /// answer makes it unclear which one somebody else would read, and is refused.
    private static func node(
        among members: [JSONScanner.Member], method: String
    ) throws(EnvelopeError) -> JSONScanner.Member {
        let answers = members.filter { $0.key.hasSuffix("_response") }
        guard answers.count <= 1 else {
            throw EnvelopeError(.wrongNode, "the answer has \(answers.count) response nodes")
        }
        guard let answer = answers.first,
            answer.key == "error_response" || answer.key == nodeName(of: method)
        else { throw EnvelopeError(.wrongNode, "the answer has no node for \(method)") }
        return answer
    }

    private static func nodeName(of method: String) -> String {
        String(decoding: method.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
            + "_response"
    }

    /// The value of `sign`, decoded as JSON because it may be written with `\/`; nil when absent, null or empty.
    private static func signature(
        among members: [JSONScanner.Member], in body: [UInt8]
    ) throws(EnvelopeError) -> String? {
        guard let member = members.first(where: { $0.key == "sign" }) else { return nil }
        switch try? JSONScanner.value(of: Array(body[member.range])) {
        case .null?: return nil
        case .string(let text)?: return text.isEmpty ? nil : text
        default: throw EnvelopeError(.badSignature, "sign is not a text")
        }
    }

    private static func text(_ key: String, among members: [JSONScanner.Member], in body: [UInt8]) -> String? {
        guard let member = members.first(where: { $0.key == key }) else { return nil }
        return (try? JSONScanner.value(of: Array(body[member.range])))?.text
    }

    // MARK: Verifying and reading them

    /// The bytes that the signature covers, and the fingerprint of the key under which it does; nil when it is wrong.
    ///
    /// Some front layers escape `/` after signing, so a failed check is repeated once with `\/` undone, as Alipay's own
    /// SDK does; what is read afterwards is then that text, the signed one.
    private static func verify(
        _ content: [UInt8], _ signature: String, keys: [PublicKey], algorithm: SignatureAlgorithm, charset: Charset
    ) -> (content: [UInt8], fingerprint: String)? {
        guard let bytes = Base64.decode(signature) else { return nil }
        for key in keys where key.verify(bytes, over: content, with: algorithm) { return (content, key.fingerprint) }
        guard let unescaped = withoutEscapedSlashes(content, pairedBytes: charset != .utf8) else { return nil }
        for key in keys where key.verify(bytes, over: unescaped, with: algorithm) {
            return (unescaped, key.fingerprint)
        }
        return nil
    }

    /// The bytes with every `\/` replaced by `/`; nil when there is none. `\\/` is a backslash and a slash and stays.
    private static func withoutEscapedSlashes(_ content: [UInt8], pairedBytes: Bool) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(content.count)
        var at = content.startIndex
        while at < content.endIndex {
            let byte = content[at]
            let width = byte == UInt8(ascii: "\\") || (pairedBytes && byte > 0x80) ? 2 : 1
            let end = min(at + width, content.endIndex)
            if byte == UInt8(ascii: "\\"), content[end - 1] == UInt8(ascii: "/") {
                out.append(UInt8(ascii: "/"))
            } else {
                out.append(contentsOf: content[at..<end])
            }
            at = end
        }
        return out.count == content.count ? nil : out
    }

    private static func read(
        _ content: [UInt8], charset: Charset, verified: Bool, contentKey: ContentKey?
    ) throws(EnvelopeError) -> JSONObject {
        let value = try json(content, charset: charset)
        switch value {
        case .object(let object): return object
        case .string(let cipher):
            // Never before the signature was checked: whoever can watch decryption fail can read what is encrypted.
            guard verified else { throw EnvelopeError(.missingSign, "the answer is encrypted and has no signature") }
            let closed = EnvelopeError(
                .notDecryptable, "the answer is encrypted and the content key does not open it")
            guard let contentKey, let bytes = Base64.decode(cipher), let plain = contentKey.decrypt(bytes) else {
                throw closed
            }
            // One wrong key in 256 makes a right padding by chance: what it opens is not told apart from what it does not.
            do throws(EnvelopeError) {
                guard case .object(let object) = try json(plain, charset: charset) else { throw closed }
                return object
            } catch {
                throw error.cause == .duplicateNode ? error : closed
            }
        case .null, .bool, .number, .array:
            throw EnvelopeError(.malformedNode, "the node is neither an object nor an encrypted text")
        }
    }

    private static func json(_ content: [UInt8], charset: Charset) throws(EnvelopeError) -> JSONValue {
        guard let bytes = charset == .utf8 ? content : charset.decode(content).map({ Array($0.utf8) }) else {
            throw EnvelopeError(.notInCharset, "the node is not valid \(charset)")
        }
        do throws(JSONError) {
            return try JSONScanner.value(of: bytes)
        } catch {
            throw EnvelopeError(error.code == .duplicateKey ? .duplicateNode : .notJSON, "the node: \(error)")
        }
    }
}
