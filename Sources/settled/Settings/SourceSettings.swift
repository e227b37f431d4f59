import Alipay

/// One place that notifications come to, `POST /notify/NAME`: whose they are, how they are signed and how they are answered.
struct SourceSettings: Sendable {
    enum BillsMismatch: String, Sendable, CaseIterable { case quarantine, settleTotal = "settle_total" }
    enum MissingContentType: String, Sendable, CaseIterable { case refuse, form }

    var name: String
    var appID: String
    var profile: NotificationProfile
    var ack: AcknowledgementStyle
    var signTypes: [SignatureAlgorithm]
    /// The seller whose payments these are when neither the seller nor the community in a notification says so.
    var merchant: String?
    var billsMismatch: BillsMismatch
    /// Also tries the signature without empty values when it does not hold with them.
    var dropsEmptyValues: Bool
    var missingContentType: MissingContentType
    var retry: RetrySettings

    init(_ section: SettingsSection, apps: [AppSettings], merchants: [MerchantSettings], retry: RetrySettings) {
        name = section.required("name", .name, placeholder: "", "The last part of the path: /notify/NAME.")
        appID = section.app(among: apps, "The app whose keys verify these notifications and query their trades.")
        profile = section.value(
            "profile", .choice([NotificationProfile.cplife, .trade, .auto]), default: .cplife,
            "How the signed text is made: cplife keeps sign_type in it (V2), trade does not (V1), auto tries V2, then V1."
        )
        ack = section.value(
            "ack", .choice([AcknowledgementStyle.signedXML, .plainJSON, .success]), default: .signedXML,
            "What an acknowledgement looks like.")
        signTypes = section.values(
            "sign_types", .choice([SignatureAlgorithm.rsa2, .rsa]), default: [.rsa2],
            "Signature algorithms that are accepted.")
        merchant = section.optional(
            "merchant", .known(merchants.map(\.sellerID).filter { !$0.isEmpty }, as: "a seller_id of `merchants`"),
            "The seller to ask for when a notification names neither a seller nor a community that is known.")
        billsMismatch = section.value(
            "bills_mismatch", .choice(BillsMismatch.allCases), default: .quarantine,
            "What happens when the bills do not add up to the total.")
        dropsEmptyValues = section.value(
            "drop_empty", .flag, default: false,
            "Try a signature also without empty values when it does not hold with them.")
        missingContentType = section.value(
            "missing_content_type", .choice(MissingContentType.allCases), default: .refuse,
            "Whether a body without a Content-Type is read as a form.")
        self.retry = section.section("retry") { RetrySettings($0, inherited: retry) }
        if signTypes.isEmpty { section.complain(about: "sign_types", "expected at least one of RSA2, RSA") }
    }
}

extension SettingsSection {
    /// The key `app` of a section that belongs to one app; the only one there is when it is not set.
    func app(among apps: [AppSettings], _ summary: String) -> String {
        // An id that is missing was complained about where it is; it is nothing to refer to.
        let ids = apps.map(\.id).filter { !$0.isEmpty }
        let shape = SettingShape.known(ids, as: "the id of an app")
        if ids.count == 1, let only = ids.first { return value("app", shape, default: only, summary) }
        return required("app", shape, placeholder: "", summary + " May be left out when there is one app.")
    }
}
