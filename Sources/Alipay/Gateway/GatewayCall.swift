import Wire

/// A call of one OpenAPI method, before it is signed.
public struct GatewayCall: Sendable, Hashable {
    /// `alipay.eco.cplife.pay.result.query` and the like.
    public var method: String
    /// The business parameters as JSON text, serialised once: exactly this text is signed and sent.
    public var bizContent: String
    /// The property company's authorisation, when the application acts for it.
    public var appAuthToken: String?
    /// When it is asked, in seconds since 1970. The gateway reads it in Shanghai time and refuses what is far off.
    public var timestamp: Int64

    public init(method: String, bizContent: String, appAuthToken: String? = nil, timestamp: Int64) {
        self.method = method
        self.bizContent = bizContent
        self.appAuthToken = appAuthToken
        self.timestamp = timestamp
    }
}

/// A call that is ready to be sent.
///
/// As Alipay's Java SDK does it, `biz_content` and `app_auth_token` travel in the body and all else in the URL: the
/// gateway has to know the charset before it reads the body. Both halves are signed together.
public struct SignedRequest: Sendable, Hashable {
    public let url: String
    public let contentType: String
    public let body: [UInt8]
    /// The text that the signature covers, in the request's charset.
    public let stringToSign: [UInt8]
    /// Base64.
    public let signature: String
}

/// Why a call cannot be put into words that the gateway understands.
public struct SigningError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `unencodable`: this call cannot be written in the app's charset. Else the fault is the app's: `encryption`, or the
    /// word of a ``KeyError``.
    public let cause: String
    public let message: String

    static let unencodable = "unencodable"

    public var description: String { message }
}

extension GatewayApp {
    /// Signs a call (Alipay's rule for requests): all parameters that are not blank, sorted by name, `name=value` joined
    /// with `&`, not percent-encoded, in the request's charset. What is blank is neither signed nor sent.
    public func sign(_ call: GatewayCall) throws(SigningError) -> SignedRequest {
        try sign(call, naming: certificateMode.map { ($0.app.number, $0.trust.roots.number) })
    }

    /// - Parameter certificates: `app_cert_sn` and `alipay_root_cert_sn`; nil in key mode.
    func sign(
        _ call: GatewayCall, naming certificates: (app: String, alipayRoot: String)?
    ) throws(SigningError) -> SignedRequest {
        var parameters: [Parameter] = []
        parameters.reserveCapacity(12)
        func add(_ name: StaticString, _ value: String?, inBody: Bool = false) throws(SigningError) {
            guard let value, !value.utf8.allSatisfy({ $0 <= 0x20 }) else { return }
            guard let bytes = charset.encode(value) else {
                throw SigningError(
                    cause: SigningError.unencodable, message: "\(name) has characters that \(charset) lacks")
            }
            parameters.append(Parameter(name: name, value: bytes, inBody: inBody))
        }
        // In the order of their names, which is the order of signing.
        try add("alipay_root_cert_sn", certificates?.alipayRoot)
        try add("app_auth_token", call.appAuthToken, inBody: true)
        try add("app_cert_sn", certificates?.app)
        try add("app_id", appID)
        try add("biz_content", try content(of: call), inBody: true)
        try add("charset", charset.wireLabel)
        try add("encrypt_type", contentKey == nil ? nil : "AES")
        try add("format", "json")
        try add("method", call.method)
        let signPlace = parameters.endIndex
        try add("sign_type", algorithm.rawValue)
        try add("timestamp", ShanghaiTime.format(unixSeconds: call.timestamp))
        try add("version", "1.0")

        let text = Self.stringToSign(parameters)
        let signature: String
        do throws(KeyError) {
            signature = Base64.encode(try privateKey.sign(text, with: algorithm))
        } catch {
            throw SigningError(cause: error.code.rawValue, message: error.message)
        }
        // `sign` itself takes its place by name, which only looks tidy: the order in the URL means nothing.
        parameters.insert(Parameter(name: "sign", value: Array(signature.utf8), inBody: false), at: signPlace)

        var query = Array(gateway.url.utf8)
        query.append(UInt8(ascii: "?"))
        Self.appendForm(parameters.lazy.filter { !$0.inBody }, to: &query)
        var body: [UInt8] = []
        Self.appendForm(parameters.lazy.filter { $0.inBody }, to: &body)
        return SignedRequest(
            url: String(decoding: query, as: UTF8.self),
            contentType: "application/x-www-form-urlencoded;charset=\(charset.wireLabel)",
            body: body, stringToSign: text, signature: signature)
    }

    /// `biz_content` as it is signed: encrypted first where the app encrypts.
    private func content(of call: GatewayCall) throws(SigningError) -> String {
        guard let contentKey else { return call.bizContent }
        guard let plain = charset.encode(call.bizContent), let cipher = contentKey.encrypt(plain) else {
            throw SigningError(cause: "encryption", message: "biz_content cannot be encrypted")
        }
        return Base64.encode(cipher)
    }

    private struct Parameter {
        let name: StaticString
        let value: [UInt8]
        let inBody: Bool
    }

    private static func stringToSign(_ parameters: [Parameter]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(parameters.reduce(0) { $0 + $1.name.utf8CodeUnitCount + $1.value.count + 2 })
        for parameter in parameters {
            if !text.isEmpty { text.append(UInt8(ascii: "&")) }
            text.append(parameter.name)
            text.append(UInt8(ascii: "="))
            text.append(contentsOf: parameter.value)
        }
        return text
    }

    private static func appendForm(_ parameters: some Sequence<Parameter>, to text: inout [UInt8]) {
        var isFirst = true
        for parameter in parameters {
            if !isFirst { text.append(UInt8(ascii: "&")) }
            isFirst = false
            text.append(parameter.name)
            text.append(UInt8(ascii: "="))
            text.appendFormEncoded(parameter.value)
        }
    }
}

extension Charset {
    /// The label in requests. `GBK` in capitals is how Alipay's own SDKs and pages write it.
    var wireLabel: String { self == .gbk ? "GBK" : description }
}

extension [UInt8] {
    fileprivate mutating func append(_ name: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
}
