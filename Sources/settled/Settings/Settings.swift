/// Everything that a person can set, read, checked and complete: defaults are filled in and references hold.
///
/// Each part is a plain value in a file of its own, declared by the `init` that reads it; the text of a key's default and
/// purpose stands there once, and `config check --explain` and the documentation take it from there.
struct Settings: Sendable {
    var database: DatabaseSettings
    var http: HTTPSettings
    var apps: [AppSettings]
    var sources: [SourceSettings]
    var merchants: [MerchantSettings]
    var taobao: TaobaoSettings?
    var withholding: WithholdingSettings?
    var agreements: AgreementSettings?
    var expectations: ExpectationSettings
    var work: WorkSettings
    var gateway: GatewaySettings
    var limits: LimitSettings
    var retention: RetentionSettings
    var log: LogSettings

    init(_ root: SettingsSection) {
        database = root.section("database", DatabaseSettings.init)
        http = root.section("http", HTTPSettings.init)
        let apps = root.sections("apps", identity: ("id", \.id), AppSettings.init)
        let work = root.section("work", WorkSettings.init)
        let merchants = root.sections("merchants", identity: ("seller_id", \.sellerID)) { section in
            MerchantSettings(section, apps: apps)
        }
        sources = root.sections("sources", identity: ("name", \.name)) { section in
            SourceSettings(section, apps: apps, merchants: merchants, retry: work.retry)
        }
        taobao = root.optionalSection("taobao", TaobaoSettings.init)
        withholding = root.optionalSection("withholding", WithholdingSettings.init)
        agreements = root.optionalSection("agreements") { AgreementSettings($0, apps: apps) }
        expectations = root.section("expectations", ExpectationSettings.init)
        gateway = root.section("gateway") { GatewaySettings($0, apps: apps) }
        limits = root.section("limits", LimitSettings.init)
        retention = root.section("retention", RetentionSettings.init)
        log = root.section("log", LogSettings.init)
        self.apps = apps
        self.work = work
        self.merchants = merchants
        if withholding != nil, taobao == nil {
            root.complain(missing: "taobao", expectation: "the section, since `withholding` asks that gateway")
        }
        MerchantSettings.checkCommunities(of: merchants, root)
    }

    /// The app with this id; every reference in the settings names one that is here.
    func app(_ id: String) -> AppSettings? {
        apps.first { $0.id == id }
    }
}
