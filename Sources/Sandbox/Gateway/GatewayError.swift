/// A failure as the gateway words it: `code`, `msg`, `sub_code`, `sub_msg`.
///
/// Codes: Alipay's public list of gateway errors and the error table of `alipay.eco.cplife.pay.result.query`.
struct GatewayError: Error, Sendable, Hashable {
    var code: String
    var subCode: String
    var subMessage: String
    /// The gateway looks at the app id before the signature: what fails before it knows whose key to trust is not signed.
    var isSigned = true

    var message: String {
        switch code {
        case "20000": "Service Currently Unavailable"
        case "20001": "Insufficient Token Permissions"
        case "40001": "Missing Required Arguments"
        case "40002": "Invalid Arguments"
        case "40005": "Call Limited"
        case "40006": "Insufficient Permissions"
        default: "Business Failed"
        }
    }

    static let missingAppID = GatewayError(
        code: "40001", subCode: "isv.missing-app-id", subMessage: "缺少AppID参数", isSigned: false)
    static let invalidAppID = GatewayError(
        code: "40002", subCode: "isv.invalid-app-id", subMessage: "无效的AppID参数", isSigned: false)
    static let missingSignature = GatewayError(
        code: "40001", subCode: "isv.missing-signature", subMessage: "缺少签名参数", isSigned: false)
    static let missingSignatureType = GatewayError(
        code: "40001", subCode: "isv.missing-signature-type", subMessage: "缺少签名类型参数", isSigned: false)
    static let invalidSignatureType = GatewayError(
        code: "40002", subCode: "isv.invalid-signature-type", subMessage: "无效的签名类型", isSigned: false)
    static let invalidSignature = GatewayError(
        code: "40002", subCode: "isv.invalid-signature", subMessage: "验签出错,建议检查签名字符串或签名私钥与应用公钥是否匹配", isSigned: false)
    static let missingAppCertificate = GatewayError(
        code: "40002", subCode: "isv.missing-app-cert-sn", subMessage: "缺少应用公钥证书序列号", isSigned: false)
    static let unknownAppCertificate = GatewayError(
        code: "40002", subCode: "isv.app-cert-not-exist", subMessage: "应用公钥证书不存在", isSigned: false)
    static let missingRootCertificate = GatewayError(
        code: "40002", subCode: "isv.missing-alipay-root-cert-sn", subMessage: "缺少支付宝根证书序列号", isSigned: false)
    static let invalidRootCertificate = GatewayError(
        code: "40002", subCode: "isv.invalid-alipay-root-cert-sn", subMessage: "支付宝根证书序列号错误", isSigned: false)
    static let invalidEncryptType = GatewayError(
        code: "40002", subCode: "isv.invalid-encrypt-type", subMessage: "无效的加密类型")
    static let notDecryptable = GatewayError(
        code: "40002", subCode: "isv.decryption-error-unknown", subMessage: "解密出错,未知异常")
    static let invalidCharset = GatewayError(
        code: "40002", subCode: "isv.invalid-charset", subMessage: "字符集错误", isSigned: false)
    static let illegalParameters = GatewayError(
        code: "40002", subCode: "isv.invalid-format", subMessage: "无效的数据格式", isSigned: false)
    static let missingMethod = GatewayError(code: "40001", subCode: "isv.missing-method", subMessage: "缺少方法名参数")
    static let invalidMethod = GatewayError(code: "40002", subCode: "isv.invalid-method", subMessage: "不存在的方法名")
    static let missingVersion = GatewayError(code: "40001", subCode: "isv.missing-version", subMessage: "缺少版本参数")
    static let missingTimestamp = GatewayError(
        code: "40001", subCode: "isv.missing-timestamp", subMessage: "缺少时间戳参数")
    static let invalidTimestamp = GatewayError(
        code: "40002", subCode: "isv.invalid-timestamp", subMessage: "非法的时间戳参数")
    static let illegalJSON = GatewayError(code: "40002", subCode: "isv.illegal-json", subMessage: "无效的JSON格式")
    static let invalidAppAuthToken = GatewayError(
        code: "20001", subCode: "aop.invalid-app-auth-token", subMessage: "无效的应用授权令牌")
    static let invalidParameter = GatewayError(code: "40004", subCode: "INVALID_PARAMETER", subMessage: "参数有误")
    static let systemError = GatewayError(code: "40004", subCode: "SYSTEM_ERROR", subMessage: "系统繁忙")
    static let notExisting = GatewayError(
        code: "40004", subCode: "PAY_INFO_NOT_EXISTING", subMessage: "在线物业缴费系统不存在指定的交易信息")
    static let belongsToOthers = GatewayError(
        code: "40004", subCode: "PAY_INFO_BELONGING_TO_OTHERS", subMessage: "指定的交易信息属于其他物业小区")
    static let illegalParameter = GatewayError(code: "40004", subCode: "PARAMETER_ILLEGAL", subMessage: "传入的参数非法")
    static let noAgreement = GatewayError(
        code: "40004", subCode: "DEDUCT_SIGN_INFO_NOT_EXIST", subMessage: "协议不存在")
    static let callLimited = GatewayError(
        code: "40005", subCode: "isv.app-call-limited", subMessage: "应用调用次数超限")

    /// The misspelling is the platform's own.
    static func unknownError(signed: Bool) -> GatewayError {
        GatewayError(code: "20000", subCode: "isp.unknow-error", subMessage: "系统繁忙", isSigned: signed)
    }
}
