/// Which failure asks for what, as one table.
///
/// A sub_code is looked up first, because Alipay's lists put the same one under different codes: exactly as spelt, then
/// loosely (any case, without `ACQ.` and `aop.`, which come and go). Known misspellings have rows of their own. Only a
/// sub_code that no row knows is judged by its code. Sources: the API pages' error tables and Alipay's public list of
/// common error codes; where they disagree, the row is the more careful reading.
enum FailureTable {
    static func classify(code: String?, subCode: String?) -> FailureClass {
        if let subCode, !subCode.isEmpty {
            if let kind = exact[subCode] { return kind }
            let loosely = loose(subCode)
            if let kind = tolerant[loosely] { return kind }
            for (prefix, kind) in prefixes where loosely.hasPrefix(prefix) { return kind }
        }
        return code.flatMap { codes[$0] } ?? .retry
    }

    /// Sub_codes; a `*` at the end stands for any ending.
    static let subCodes: [(subCode: String, kind: FailureClass)] = [
        // The gateway's own trouble. 20000
        ("isp.unknow-error", .retry),
        ("isp.unknown-error", .retry),
        ("aop.unknow-error", .retry),
        ("aop.unknown-error", .retry),
        ("SYSTEM_ERROR", .retry),
        ("ACQ.SYSTEM_ERROR", .retry),
        ("aop.ACQ.SYSTEM_ERROR", .retry),
        ("AQC.SYSTEM_ERROR", .retry),
        ("QUERY_DEDUCT_SIGN_INFO_ERROR", .retry),
        // "Try again", says its page, of all the encryption errors of this one only. 40002
        ("isv.invalid-encrypt", .retry),

        // Too fast. 40005, 40004 in older lists
        ("isv.app-call-limited", .throttle),
        ("isv.method-call-limited", .throttle),

        // Tokens: authorise again. 20001
        ("aop.invalid-auth-token", .operator),
        ("aop.auth-token-time-out", .operator),
        ("aop.invalid-app-auth-token", .operator),
        ("aop.invalid-app-auth-token-no-api", .operator),
        ("aop.app-auth-token-time-out", .operator),
        ("aop.no-product-reg-by-partner", .operator),

        // Our configuration: every call would fail so. 40001
        ("isv.missing-method", .operator),
        ("isv.missing-signature", .operator),
        ("isv.missing-signature-type", .operator),
        ("isv.missing-signature-key", .operator),
        ("isv.missing-app-id", .operator),
        ("isv.missing-timestamp", .operator),
        ("isv.missing-version", .operator),
        ("isv.decryption-error-missing-encrypt-type", .operator),
        // 40002
        ("isv.invalid-signature", .operator),
        ("isv.invalid-signature-type", .operator),
        ("isv.missing-signature-config", .operator),
        ("isv.invalid-app-id", .operator),
        ("isv.invalid-encrypt-type", .operator),
        ("isv.decryption-error-*", .operator),
        ("isv.app-cert-expired", .operator),
        ("isv.app-cert-not-exist", .operator),
        ("isv.missing-app-cert-sn", .operator),
        ("isv.missing-alipay-root-cert-sn", .operator),
        ("isv.invalid-alipay-root-cert-sn", .operator),
        ("isv.not-online-app", .operator),
        ("isv.invalid-charset", .operator),
        ("isv.invalid-digest", .operator),
        // Our clock. The probe that ends the pause asks with a fresh one.
        ("isv.invalid-timestamp", .operator),
        // The API was withdrawn, or is not ours to call.
        ("isv.invalid-method", .operator),
        ("isv.forbidden-api", .operator),
        ("isv.not-support-app-auth", .operator),
        // 40003, 40006
        ("isv.invalid-auth-relations", .operator),
        ("isv.insufficient-isv-permissions", .operator),
        ("isv.insufficient-user-permissions", .operator),
        ("isv.self-invoke-forbidden", .operator),

        // This one request is wrong. 40002
        ("isv.invalid-parameter", .permanent),
        ("isv.invalid-format", .permanent),
        ("isv.illegal-json", .permanent),
        ("isv.invalid-content-type", .permanent),
        ("isv.suspected-attack", .permanent),
        ("isv.upload-fail", .permanent),
        ("isv.invalid-file-*", .permanent),
        // 40004
        ("INVALID_PARAMETER", .permanent),
        ("PARAMETER_ILLEGAL", .permanent),
        ("INVALID_ARGUMENTS", .permanent),
        ("INVAILID_ARGUMENTS", .permanent),

        // The business answers of the payment query. 40004
        ("PAY_INFO_NOT_EXISTING", .notExisting),
        ("PAY_INFO_BELONGING_TO_OTHERS", .belongsToOthers),
        // And of the agreement query, where it is a result and no fault.
        ("DEDUCT_SIGN_INFO_NOT_EXIST", .notExisting),
    ]

    /// Refusals that concern the merchant whose token asked, and nobody else of the app: tokens, and the merchant's own
    /// contract. All others of class `operator` concern the app.
    static let merchants: Set = [
        "aop.invalid-auth-token", "aop.auth-token-time-out", "aop.invalid-app-auth-token",
        "aop.invalid-app-auth-token-no-api", "aop.app-auth-token-time-out", "aop.no-product-reg-by-partner",
    ]

    /// Whether a refusal of class `operator` concerns the merchant alone. As with the class, the sub_code goes before the code.
    static func concernsMerchant(code: String?, subCode: String?) -> Bool {
        guard let subCode, !subCode.isEmpty, exact[subCode] != nil || tolerant[loose(subCode)] != nil else {
            return code == "20001"
        }
        return looseMerchants.contains(loose(subCode))
    }

    /// Codes, for sub_codes that no row above knows and for answers without one.
    static let codes: [String: FailureClass] = [
        "10003": .pending,
        "20000": .retry,
        "20001": .operator,
        "40001": .operator,
        // "Invalid Arguments", of which the configuration's have rows above.
        "40002": .permanent,
        "40003": .operator,
        // "Business Failed" for an unknown reason: asked again, within the job's budget, and seen by a person after it.
        "40004": .retry,
        "40005": .throttle,
        "40006": .operator,
    ]

    // MARK: The table made ready for looking up

    private static let exact = Dictionary(
        subCodes.map { ($0.subCode, $0.kind) }, uniquingKeysWith: { first, _ in first })

    private static let tolerant = Dictionary(
        subCodes.map { (loose($0.subCode), $0.kind) }, uniquingKeysWith: { first, _ in first })

    private static let looseMerchants = Set(merchants.map(loose))

    private static let prefixes =
        subCodes
        .filter { $0.subCode.hasSuffix("*") }
        .map { (prefix: String(loose($0.subCode).dropLast()), kind: $0.kind) }

    private static func loose(_ subCode: String) -> String {
        var text = subCode.lowercased()[...]
        for prefix in ["aop.", "acq."] where text.hasPrefix(prefix) { text = text.dropFirst(prefix.count) }
        return String(text)
    }
}
