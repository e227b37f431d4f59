/// Which error of the platform asks for what, as two tables.
///
/// The beginning of the sub_code is looked at first (`isp.` is the provider's trouble and passes, `isv.` is ours and does
/// not, `accesscontrol.` is a ban), then the code. An `isv.` sub_code under a code that needs a person (a bad signature, a
/// missing permission) is that code's. Source: TOP's public lists of error codes; where they are silent, the row is the
/// reading that loses nothing: asked again within the job's budget, and shown to a person after it.
enum FailureTable {
    enum Row: Sendable, Hashable {
        case retry, throttle, dailyQuota, permanent, `operator`, clock
    }

    /// Beginnings of sub_codes, the first that fits.
    static let subCodes: [(beginning: String, row: Row)] = [
        ("accesscontrol.limited-by-app-access-count", .dailyQuota),
        ("accesscontrol.", .throttle),
        ("isp.", .retry),
        // Permissions, and the addresses from which we may call: under code 11 and under others.
        ("isv.permission-", .operator),
        ("isv.invalid-signature", .operator),
        ("isv.missing-signature", .operator),
        ("isv.invalid-timestamp", .clock),
        ("isv.", .permanent),
        ("invalid-sessionkey", .operator),
        ("session-expired", .operator),
    ]

    static let codes: [String: Row] = [
        // An upload that failed, an HTTP method that is not allowed.
        "3": .permanent, "9": .permanent,
        // Called too often.
        "7": .throttle,
        // The service is not available just now.
        "10": .retry,
        // The app, the user or the partner may not.
        "11": .operator, "12": .operator, "13": .operator,
        // Trouble behind the platform, for which the sub_code has the word.
        "15": .retry,
        // The method is missing or none, or the format is none.
        "21": .permanent, "22": .permanent, "23": .permanent,
        // The signature is missing or wrong.
        "24": .operator, "25": .operator,
        // The session is missing or has run out.
        "26": .operator, "27": .operator,
        // The app key is missing or wrong.
        "28": .operator, "29": .operator,
        // The timestamp is missing, or more than ten minutes off.
        "30": .clock, "31": .clock,
        // The version is missing or none; a parameter or a method is not supported.
        "32": .permanent, "33": .permanent, "34": .permanent, "35": .permanent,
        // Arguments that are missing or wrong, a request that is forbidden.
        "40": .permanent, "41": .permanent, "42": .permanent, "43": .permanent,
        // The token.
        "44": .operator,
        // The business behind the platform failed.
        "50": .retry,
    ]

    static func classify(_ error: TOPError) -> TOPFailure.Kind {
        switch row(code: error.code, subCode: error.subCode) {
        case .retry: .retry
        case .throttle: .throttle(.init(BanText.duration(error.subMessage) ?? BanText.usual))
        case .dailyQuota:
            .throttle(.init(BanText.duration(error.subMessage) ?? BanText.usualForADay, isDailyQuota: true))
        case .permanent: .permanent
        case .operator: .operator
        case .clock: .clock
        }
    }

    static func row(code: String?, subCode: String?) -> Row {
        let byCode = code.flatMap { codes[$0] }
        guard let subCode, let row = subCodes.first(where: { subCode.hasPrefix($0.beginning) })?.row else {
            return byCode ?? .retry
        }
        switch (row, byCode) {
        case (.permanent, .operator?), (.permanent, .clock?), (.permanent, .throttle?), (.retry, .throttle?):
            return byCode ?? row
        default: return row
        }
    }
}
