import Alipay
import FoundationEssentials
import Wire

/// A notification before it is signed: what it says, in which charset, and by which rule it will be signed.
public struct NotificationMessage: Sendable {
    /// In the order of sending, without `sign` and `sign_type`.
    public var parameters: [(name: String, value: String)]
    /// The label as sent in `charset` and in Content-Type; `gb2312` means GBK, as in life.
    public var charsetLabel: String
    public var charset: Charset
    public var form: CanonicalForm
    public var algorithm: SignatureAlgorithm

    public init(
        parameters: [(name: String, value: String)], charset: Charset = .utf8, charsetLabel: String = "utf-8",
        form: CanonicalForm, algorithm: SignatureAlgorithm = .rsa2
    ) {
        self.parameters = parameters
        self.charset = charset
        self.charsetLabel = charsetLabel
        self.form = form
        self.algorithm = algorithm
    }

    public subscript(name: String) -> String? {
        get { parameters.first { $0.name == name }?.value }
        set {
            let index = parameters.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): parameters[index].value = value
            case (let index?, nil): parameters.remove(at: index)
            case (nil, let value?): parameters.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// Signs and encodes it as the platform does.
    public func sealed(with key: PrivateKey) throws -> SealedNotification {
        let fields = try encodedFields()
        return seal(fields, sign: try signature(over: fields, with: key))
    }

    /// Name and value in the message's charset, `sign_type` included.
    func encodedFields() throws -> [(name: [UInt8], value: [UInt8])] {
        try (parameters + [("sign_type", algorithm.rawValue)]).map { parameter in
            guard let value = charset.encode(parameter.value) else {
                throw SandboxError(.notInCharset, "\(parameter.name) has a character that \(charsetLabel) lacks")
            }
            return (Array(parameter.name.utf8), value)
        }
    }

    /// V2 signs all fields, V1 all but `sign_type`. Empty values are part of it.
    func signature(over fields: [(name: [UInt8], value: [UInt8])], with key: PrivateKey) throws -> [UInt8] {
        let signed = form == .v1 ? fields.filter { $0.name != Array("sign_type".utf8) } : fields
        return try key.sign(SignedText.of(signed), with: algorithm)
    }

    func seal(_ fields: [(name: [UInt8], value: [UInt8])], sign: [UInt8]?) -> SealedNotification {
        var all = fields
        if let sign { all.append((Array("sign".utf8), Array(Data(sign).base64EncodedString().utf8))) }
        return SealedNotification(
            contentType: "application/x-www-form-urlencoded; charset=\(charsetLabel)", body: FormText.body(all))
    }
}

/// A notification as it goes over the wire.
public struct SealedNotification: Sendable, Hashable {
    public var contentType: String
    public var body: [UInt8]

    public init(contentType: String, body: [UInt8]) {
        self.contentType = contentType
        self.body = body
    }
}
