import Alipay

/// A notification that must not be believed, and in which way it lies. Each is made from a message that would be true.
public enum Forgery: String, Sendable, Hashable, CaseIterable, Codable {
    /// Signed by a key that is nobody's.
    case strangerKey = "stranger_key"
    /// Signed by the application's own key: what a receiver accepts that configured its own public key as Alipay's.
    case appKey = "app_key"
    case tamperedAmount = "tampered_amount"
    case tamperedTrade = "tampered_trade"
    /// V1 where the profile says V2, and the reverse. A profile that tries both would accept it.
    case otherForm = "other_form"
    case duplicateParameter = "duplicate_parameter"
    case duplicateSign = "duplicate_sign"
    case missingSign = "missing_sign"
    case emptySign = "empty_sign"
    case brokenBase64 = "broken_base64"
    case shortSignature = "short_signature"
    /// `sign_type=RSA` with a SHA-1 signature that is right, to a receiver that wants RSA2.
    case downgradedAlgorithm = "downgraded_algorithm"
    case unknownAlgorithm = "unknown_algorithm"
    case brokenEscape = "broken_escape"
    /// `&quot;` in fund_bill_list, as an input filter on the way would leave it.
    case htmlEscaped = "html_escaped"
    /// A parameter added after signing.
    case appendedParameter = "appended_parameter"
    case jsonBody = "json_body"

    /// The word of the cause under which the receiver files it.
    public var cause: String {
        switch self {
        case .duplicateParameter, .duplicateSign: "duplicate_param"
        case .missingSign, .emptySign: "missing_sign"
        case .brokenBase64: "malformed_sign"
        case .downgradedAlgorithm, .unknownAlgorithm: "alg_not_allowed"
        case .brokenEscape: "bad_escape"
        case .jsonBody: "unsupported_media_type"
        default: "bad_signature"
        }
    }

    /// The HTTP status that the receiver owes: 400 for the form, 401 for the signature, 415 for the kind of body.
    public var status: Int {
        switch self {
        case .duplicateParameter, .duplicateSign, .brokenEscape: 400
        case .jsonBody: 415
        default: 401
        }
    }

    /// Makes the lie out of the true message.
    public func sealed(_ message: NotificationMessage, keys: SandboxKeys) throws -> SealedNotification {
        let fields = try message.encodedFields()
        let genuine = try message.signature(over: fields, with: keys.alipay)
        switch self {
        case .strangerKey:
            return message.seal(fields, sign: try message.signature(over: fields, with: keys.stranger))
        case .appKey: return message.seal(fields, sign: try message.signature(over: fields, with: keys.app))
        case .tamperedAmount: return message.seal(replacing("total_amount", by: "0.01", in: fields), sign: genuine)
        case .tamperedTrade:
            let name = message["trade_no"] == nil ? "query_token" : "trade_no"
            return message.seal(replacing(name, by: "2099123100000000000000000001", in: fields), sign: genuine)
        case .otherForm:
            var other = message
            other.form = message.form == .v1 ? .v2 : .v1
            return message.seal(fields, sign: try other.signature(over: fields, with: keys.alipay))
        case .duplicateParameter:
            return message.seal(
                fields + [(Array("trade_no".utf8), Array("2099123100000000000000000002".utf8))], sign: genuine)
        case .duplicateSign:
            return message.seal(fields + [(Array("sign".utf8), Array("AAAA".utf8))], sign: genuine)
        case .missingSign: return message.seal(fields, sign: nil)
        case .emptySign: return message.seal(fields, sign: [])
        case .brokenBase64:
            return message.seal(fields + [(Array("sign".utf8), Array("!not*base64!".utf8))], sign: nil)
        case .shortSignature: return message.seal(fields, sign: Array(genuine.dropLast()))
        case .downgradedAlgorithm:
            var weaker = message
            weaker.algorithm = .rsa
            return try weaker.sealed(with: keys.alipay)
        case .unknownAlgorithm: return message.seal(replacing("sign_type", by: "MD5", in: fields), sign: genuine)
        case .brokenEscape:
            var sealed = message.seal(fields, sign: genuine)
            sealed.body += Array("&remark=%G1".utf8)
            return sealed
        case .htmlEscaped:
            return message.seal(replacing("fund_bill_list", by: "[{&quot;amount&quot;:1}]", in: fields), sign: genuine)
        case .appendedParameter:
            return message.seal(fields + [(Array("refund_status".utf8), Array("REFUND_SUCCESS".utf8))], sign: genuine)
        case .jsonBody:
            return SealedNotification(
                contentType: "application/json", body: Array(#"{"trade_status":"TRADE_SUCCESS"}"#.utf8))
        }
    }

    private func replacing(
        _ name: String, by value: String, in fields: [(name: [UInt8], value: [UInt8])]
    ) -> [(name: [UInt8], value: [UInt8])] {
        guard let index = fields.firstIndex(where: { $0.name == Array(name.utf8) }) else {
            return fields + [(Array(name.utf8), Array(value.utf8))]
        }
        var changed = fields
        changed[index].value = Array(value.utf8)
        return changed
    }
}
