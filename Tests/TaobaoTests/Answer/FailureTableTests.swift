import Testing

@testable import Taobao

@Suite struct FailureTableTests {
    static let rows: [(code: String?, subCode: String?, row: FailureTable.Row)] = [
        ("3", nil, .permanent), ("9", nil, .permanent), ("7", nil, .throttle),
        ("7", "accesscontrol.limited-by-api-access-count", .throttle),
        ("7", "accesscontrol.limited-by-app-api-access-count", .throttle),
        ("7", "accesscontrol.limited-by-app-access-count", .dailyQuota), ("7", "isp.call-limited", .throttle),
        ("7", "isv.call-limited", .throttle), ("10", nil, .retry),
        ("11", "isv.permission-api-package-limit", .operator),
        ("11", "isv.permission-ip-whitelist-limit", .operator), ("12", nil, .operator), ("13", nil, .operator),
        ("15", nil, .retry), ("15", "isp.top-remote-connection-timeout", .retry),
        ("15", "isp.top-remote-service-unavailable", .retry), ("15", "isp.top-remote-unknown-error", .retry),
        ("15", "isp.remote-connection-error", .retry), ("15", "isp.remote-service-error", .retry),
        ("15", "isv.invalid-parameter", .permanent), ("15", "isv.permission-x", .operator), ("21", nil, .permanent),
        ("22", nil, .permanent), ("23", nil, .permanent), ("24", nil, .operator),
        ("25", "isv.invalid-signature", .operator), ("26", nil, .operator), ("27", "invalid-sessionkey", .operator),
        ("28", nil, .operator), ("29", "isv.appkey-not-exists", .operator), ("30", nil, .clock),
        ("31", "isv.invalid-timestamp", .clock), ("31", "isv.x", .clock), ("32", nil, .permanent),
        ("33", nil, .permanent),
        ("34", nil, .permanent), ("35", nil, .permanent), ("40", "isv.missing-parameter", .permanent),
        ("41", "isv.invalid-parameter", .permanent), ("42", nil, .permanent), ("43", nil, .permanent),
        ("44", nil, .operator), ("50", nil, .retry), ("50", "isv.invalid-parameter", .permanent),
        ("50", "isp.system-error", .retry), ("150", "isv.x", .permanent), ("150", "isp.x", .retry),
        ("999", nil, .retry),
        (nil, nil, .retry), (nil, "isv.x", .permanent), ("x", "y", .retry),
    ]

    @Test(arguments: rows.indices)
    func `an error asks for what its row says`(index: Int) {
        let (code, subCode, row) = Self.rows[index]
        #expect(FailureTable.row(code: code, subCode: subCode) == row, "\(code ?? "-") \(subCode ?? "-")")
    }

    @Test(arguments: [
        ("This ban will last for 13 more seconds", 13), ("ban will last for 1 more second", 1),
        ("wait 31415 seconds", 31415), ("wait 7seconds", 7), ("BAN FOR 60 MORE SECONDS", 60), ("for 0 seconds", 1),
        ("for 999999999 more seconds", 172_800), ("in 5 minutes", nil), ("", nil),
        ("for 9999999999999999999 more seconds", 172_800), ("call 5 times, ban 9 seconds", 9),
    ])
    func `the seconds of a ban are read from its sentence`(sentence: String, seconds: Int?) {
        #expect(BanText.duration(sentence) == seconds.map { .seconds($0) })
    }

    @Test func `a ban without a number still is one`() {
        #expect(
            FailureTable.classify(TOPError(code: "7", subCode: nil, subMessage: nil)) == .throttle(.init(.seconds(60))))
        #expect(
            FailureTable.classify(TOPError(code: "7", subCode: "accesscontrol.limited-by-app-access-count"))
                == .throttle(.init(.seconds(3600), isDailyQuota: true)))
    }
}
