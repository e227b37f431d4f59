import Wire

/// The TOP gateway, which withholding is asked through.
struct TaobaoSettings: Sendable {
    enum SignMethod: String, Sendable, CaseIterable { case hmacSHA256 = "hmac-sha256", hmac, md5 }
    enum Format: String, Sendable, CaseIterable { case json, xml }

    /// A URL that a gateway may have.
    var gateway: String
    var appKey: String
    var appSecret: Secret?
    var session: Secret?
    var signMethod: SignMethod
    var format: Format
    /// Whether JSON is asked for without the method's own node and the items' wrappers.
    var isSimplified: Bool

    init(_ section: SettingsSection) {
        gateway = section.value("gateway", .gateway, default: "https://eco.taobao.com/router/rest", "The TOP gateway.")
        appKey = section.required("app_key", .text, placeholder: "", "The app key that TOP gave.")
        appSecret = section.secret("app_secret", "The app secret that signs.")
        session = section.secret("session", "The session key of the user who authorised the app.")
        signMethod = section.value(
            "sign_method", .choice(SignMethod.allCases), default: .hmacSHA256, "How requests are signed.")
        format = section.value("format", .choice(Format.allCases), default: .json, "The format of answers.")
        isSimplified = section.value(
            "simplify", .flag, default: false, "Ask for simplified JSON; answers are read in either form.")
        if isSimplified, format == .xml {
            section.complain(about: "simplify", "only JSON can be simplified, and `format` is xml")
        }
        if appSecret == nil, !section.hasProblem(with: "app_secret") {
            section.complain(missing: "app_secret_file", expectation: "the name of a file with the app secret")
        }
    }
}

/// How withholding orders are followed until they end.
struct WithholdingSettings: Sendable {
    enum AmountUnit: String, Sendable, CaseIterable { case fen, yuan }

    /// Waits between polls; the last one repeats.
    var pollSchedule: [Duration]
    var amountUnit: AmountUnit
    var giveUpAfter: Duration
    var ratePerSecond: Int
    var concurrency: Int

    init(_ section: SettingsSection) {
        pollSchedule = section.values(
            "poll_schedule", .duration(.seconds(1) ... .seconds(7 * 86_400)),
            default: [.seconds(30), .seconds(120), .seconds(600), .seconds(3600)],
            "Waits between polls of an order; the last one repeats.")
        amountUnit = section.required(
            "amount_unit", .choice(AmountUnit.allCases), placeholder: .fen,
            "The unit of amounts in answers; it has no default, since a wrong guess is a hundredfold error.")
        giveUpAfter = section.value(
            "give_up_after", .duration(.seconds(3600) ... .seconds(365 * 86_400)), default: .seconds(30 * 86_400),
            "When an order without an end goes to a person.")
        ratePerSecond = section.value(
            "rate_per_second", .integer(1...10_000), default: 10, "Questions to TOP in a second.")
        concurrency = section.value(
            "concurrency", .integer(1...256), default: 4,
            "Questions under way at a time in one process; they have connections of their own, to TOP and to the database."
        )
        if pollSchedule.isEmpty { section.complain(about: "poll_schedule", "expected at least one duration") }
    }
}

/// How withholding agreements are compared with Alipay's.
struct AgreementSettings: Sendable {
    var appID: String
    var ratePerSecond: Int
    var dailyAt: ClockTime

    init(_ section: SettingsSection, apps: [AppSettings]) {
        appID = section.app(among: apps, "The app whose agreements are compared.")
        ratePerSecond = section.value(
            "rate_per_second", .integer(1...10_000), default: 20, "Questions to the gateway in a second.")
        dailyAt = section.value(
            "daily_at", .clock, default: ClockTime(hour: 3, minute: 30),
            "When the daily comparison begins, in China's time.")
    }
}
