import Alipay
import FoundationEssentials
import Wire

/// Wraps a response node into what the gateway sends: the node under the method's name, and a signature over the node's bytes.
struct AnswerEnvelope: Sendable {
    var signer: PlatformSeal.Signer
    var algorithm: SignatureAlgorithm
    var charset: Charset
    /// Encrypts nodes, and is what makes them encrypted.
    var contentKey: ContentKey?

    /// The node signed as it stands.
    func signed(_ node: String, method: String, signFirst: Bool = false) throws -> [UInt8] {
        let bytes = try written(node)
        return try body(node: bytes, method: method, sign: signature(over: bytes), signFirst: signFirst)
    }

    /// The node with a valid signature over other bytes.
    func signed(_ node: String, method: String, over others: String) throws -> [UInt8] {
        try body(node: written(node), method: method, sign: signature(over: written(others)), signFirst: false)
    }

    func unsigned(_ node: String, method: String) throws -> [UInt8] {
        try Self.opening(method) + written(node) + Array("}".utf8)
    }

    /// The signed node, and a second of the same name after it.
    func signed(_ node: String, method: String, thenAlso second: String) throws -> [UInt8] {
        let bytes = try written(node)
        return try Self.opening(method) + bytes + Array(",\(Self.name(of: method)):".utf8) + written(second)
            + Array("\(certificate),\"sign\":\"\(signature(over: bytes))\"}".utf8)
    }

    private func body(node: [UInt8], method: String, sign: String, signFirst: Bool) -> [UInt8] {
        if signFirst {
            return Array("{\"sign\":\"\(sign)\",\(Self.name(of: method)):".utf8) + node
                + Array("\(certificate)}".utf8)
        }
        return Self.opening(method) + node + Array("\(certificate),\"sign\":\"\(sign)\"}".utf8)
    }

    /// Between the node and its signature, and covered by none.
    private var certificate: String {
        signer.certificateNumber.map { ",\"alipay_cert_sn\":\"\($0)\"" } ?? ""
    }

    /// The node as it is sent and signed: encrypted, it is a text, and the quotes are signed too.
    private func written(_ node: String) throws -> [UInt8] {
        let plain = try encoded(node)
        guard let contentKey else { return plain }
        guard let cipher = contentKey.encrypt(plain) else {
            throw SandboxError(.notInCharset, "the answer cannot be encrypted")
        }
        return Array("\"\(Base64.encode(cipher))\"".utf8)
    }

    private func signature(over bytes: [UInt8]) throws -> String {
        try Data(signer.key.sign(bytes, with: algorithm)).base64EncodedString()
    }

    private func encoded(_ text: String) throws -> [UInt8] {
        guard let bytes = charset.encode(text) else {
            throw SandboxError(.notInCharset, "the answer cannot be written in its charset")
        }
        return bytes
    }

    private static func opening(_ method: String) -> [UInt8] { Array("{\(name(of: method)):".utf8) }

    private static func name(of method: String) -> String {
        "\"" + method.map { $0 == "." ? "_" : String($0) }.joined() + "_response\""
    }
}
