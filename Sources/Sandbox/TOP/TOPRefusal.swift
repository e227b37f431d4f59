/// An error as TOP words it: `code`, `msg`, `sub_code`, `sub_msg`.
public struct TOPRefusal: Error, Sendable, Hashable {
    public var code: Int
    public var message: String
    public var subCode: String?
    public var subMessage: String?

    public init(_ code: Int, _ message: String, _ subCode: String? = nil, _ subMessage: String? = nil) {
        self.code = code
        self.message = message
        self.subCode = subCode
        self.subMessage = subMessage
    }

    public static func callLimited(seconds: Int64) -> TOPRefusal {
        TOPRefusal(
            7, "App Call Limited", "accesscontrol.limited-by-api-access-count",
            "This ban will last for \(seconds) more seconds")
    }

    public static func dailyQuota(seconds: Int64) -> TOPRefusal {
        TOPRefusal(
            7, "App Call Limited", "accesscontrol.limited-by-app-access-count",
            "This ban will last for \(seconds) more seconds")
    }

    public static let unavailable = TOPRefusal(10, "Service Currently Unavailable")
    public static let noPermission = TOPRefusal(
        11, "Insufficient isv permissions", "isv.permission-api-package-limit",
        "scope ids is not allowed to call this api")
    public static let noUserPermission = TOPRefusal(12, "Insufficient User Permissions")
    public static let noPartnerPermission = TOPRefusal(13, "Insufficient Partner Permissions")
    public static let remoteTimeout = TOPRefusal(
        15, "Remote service error", "isp.top-remote-connection-timeout", "API调用后端服务超时")
    public static let remoteParameter = TOPRefusal(15, "Remote service error", "isv.invalid-parameter", "非法参数")
    public static let missingMethod = TOPRefusal(21, "Missing Method")
    public static let invalidMethod = TOPRefusal(22, "Invalid Method")
    public static let invalidFormat = TOPRefusal(23, "Invalid Format")
    public static let missingSignature = TOPRefusal(24, "Missing Signature", "isv.missing-signature")
    public static let invalidSignature = TOPRefusal(25, "Invalid Signature", "isv.invalid-signature", "非法签名")
    public static let missingSession = TOPRefusal(26, "Missing Session")
    public static let invalidSession = TOPRefusal(27, "Invalid Session", "invalid-sessionkey", "非法或过期的SessionKey参数")
    public static let missingAppKey = TOPRefusal(28, "Missing App Key")
    public static let invalidAppKey = TOPRefusal(29, "Invalid App Key", "isv.appkey-not-exists")
    public static let missingTimestamp = TOPRefusal(30, "Missing Timestamp")
    public static let invalidTimestamp = TOPRefusal(31, "Invalid Timestamp", "isv.invalid-timestamp", "非法的时间戳参数")
    public static let missingVersion = TOPRefusal(32, "Missing Version")
    public static let invalidVersion = TOPRefusal(33, "Invalid Version")
    public static let unsupportedVersion = TOPRefusal(34, "Unsupported Version")
    public static let missingArguments = TOPRefusal(40, "Missing Required Arguments", "isv.missing-parameter:param")
    public static let invalidArguments = TOPRefusal(41, "Invalid Arguments", "isv.invalid-parameter:param")
    public static let forbidden = TOPRefusal(42, "Forbidden Request")
    public static let parameterError = TOPRefusal(43, "Parameter Error")
    public static let invalidToken = TOPRefusal(44, "Invalid Token")
    public static let business = TOPRefusal(50, "Remote service error", "isv.invalid-parameter", "非法参数")

    /// Every error that the notes on the wire name, for tests that want each of them once.
    public static let documented: [TOPRefusal] = [
        callLimited(seconds: 2), dailyQuota(seconds: 3), unavailable, noPermission, noUserPermission,
        noPartnerPermission,
        remoteTimeout, remoteParameter, missingMethod, invalidMethod, invalidFormat, missingSignature, invalidSignature,
        missingSession, invalidSession, missingAppKey, invalidAppKey, missingTimestamp, invalidTimestamp,
        missingVersion,
        invalidVersion, unsupportedVersion, missingArguments, invalidArguments, forbidden, parameterError, invalidToken,
        business,
    ]
}
