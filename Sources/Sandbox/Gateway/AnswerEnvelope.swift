import Alipay
import FoundationEssentials
import Wire

/// Wraps a response node into what the gateway sends: the node under the method's name, and a signature over the node's bytes.
struct AnswerEnvelope: Sendable {
    var key: PrivateKey
    var algorithm: SignatureAlgorithm
    var charset: Charset

    /// The node signed as it stands.
    func signed(_ node: String, method: String, signFirst: Bool = false) throws -> [UInt8] {
        let bytes = try encoded(node)
        return try body(node: bytes, method: method, sign: signature(over: bytes), signFirst: signFirst)
    }

    /// The node with a valid signature over other bytes.
    func signed(_ node: String, method: String, over others: String) throws -> [UInt8] {
        try body(node: encoded(node), method: method, sign: signature(over: encoded(others)), signFirst: false)
    }

    func unsigned(_ node: String, method: String) throws -> [UInt8] {
        try Self.opening(method) + encoded(node) + Array("}".utf8)
    }

    /// The signed node, and a second of the same name after it.
    func signed(_ node: String, method: String, thenAlso second: String) throws -> [UInt8] {
        let bytes = try encoded(node)
        return try Self.opening(method) + bytes + Array(",\(Self.name(of: method)):".utf8) + encoded(second)
            + Array(",\"sign\":\"\(signature(over: bytes))\"}".utf8)
    }

    private func body(node: [UInt8], method: String, sign: String, signFirst: Bool) -> [UInt8] {
        if signFirst {
            return Array("{\"sign\":\"\(sign)\",\(Self.name(of: method)):".utf8) + node + Array("}".utf8)
        }
        return Self.opening(method) + node + Array(",\"sign\":\"\(sign)\"}".utf8)
    }

    private func signature(over bytes: [UInt8]) throws -> String {
        try Data(key.sign(bytes, with: algorithm)).base64EncodedString()
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
