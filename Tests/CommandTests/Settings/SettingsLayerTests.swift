import Alipay
import JobQueue
import Testing

@testable import settled

@Suite("Layers of a configuration")
struct SettingsLayerTests {
    @Test("A flag stands before the environment, the environment before the file, the file before the default")
    func precedence() throws {
        let text = Example.minimal + "log: { level: notice }\n"
        let entry = { (loaded: LoadedSettings) in loaded.entries.first { $0.path.description == "log.level" } }
        let standard = try Example.load(Example.minimal)
        #expect(standard.settings.log.level == .info)
        #expect(entry(standard)?.origin == .standard)
        let file = try Example.load(text)
        #expect(file.settings.log.level == .notice)
        #expect(entry(file)?.origin.description == "settled.yaml:7:15")
        let environment = try Example.load(text, ["SETTLED_LOG_LEVEL": "error"])
        #expect(environment.settings.log.level == .error)
        #expect(entry(environment)?.origin.description == "environment SETTLED_LOG_LEVEL")
        let flag = try LoadedSettings.load(
            text: text, file: "settled.yaml", environment: ["SETTLED_LOG_LEVEL": "error"],
            flags: ["log.level": .init(text: "debug", origin: .flag("--log-level"))])
        #expect(flag.settings.log.level == .debug)
        #expect(entry(flag)?.origin.description == "flag --log-level")
    }

    @Test("Everything can come from the environment alone, lists by their index")
    func environmentAlone() throws {
        let settings = try Example.load(
            "",
            [
                "SETTLED_APPS_0_ID": "1", "SETTLED_APPS_0_PRIVATE_KEY": "A", "SETTLED_APPS_0_ALIPAY_PUBLIC_KEY": "B",
                "SETTLED_APPS_1_ID": "2", "SETTLED_APPS_1_PRIVATE_KEY": "A", "SETTLED_APPS_1_ALIPAY_PUBLIC_KEY": "B",
                "SETTLED_SOURCES_0_NAME": "one", "SETTLED_SOURCES_0_APP": "2",
                "SETTLED_SOURCES_0_SIGN_TYPES": "RSA2, RSA",
                "SETTLED_MERCHANTS_0_SELLER_ID": "3", "SETTLED_MERCHANTS_0_APP": "1",
                "SETTLED_MERCHANTS_0_COMMUNITIES_0": "C,1", "SETTLED_MERCHANTS_0_COMMUNITIES_1": "C2",
                "SETTLED_AGREEMENTS_DAILY_AT": "04:15", "SETTLED_AGREEMENTS_APP": "1",
            ]
        ).settings
        #expect(settings.apps.map(\.id) == ["1", "2"])
        #expect(settings.sources.first?.appID == "2")
        #expect(settings.sources.first?.signTypes.map(\.rawValue) == ["RSA2", "RSA"])
        #expect(settings.merchants.first?.communities == ["C,1", "C2"])
        #expect(settings.agreements?.dailyAt == ClockTime(hour: 4, minute: 15))
        #expect(settings.taobao == nil)
    }

    @Test("A variable changes one key of a list's element and leaves the others to the file")
    func mergedElement() throws {
        let settings = try Example.load(
            Example.minimal, ["SETTLED_SOURCES_0_PROFILE": "trade", "SETTLED_SOURCES_1_NAME": "second"]
        ).settings
        #expect(settings.sources.map(\.name) == ["cplife", "second"])
        #expect(settings.sources.map(\.profile) == [.trade, .cplife])
    }

    @Test("An empty variable counts as unset")
    func emptyVariable() throws {
        #expect(try Example.load(Example.minimal, ["SETTLED_LOG_LEVEL": ""]).settings.log.level == .info)
    }

    @Test("A misspelled variable is a warning that names the right one, and a strange one a warning too")
    func unknownVariables() throws {
        let warnings = try Example.load(
            Example.minimal, ["SETTLED_HTTP_LISTN": "x", "SETTLED_CONFIG": "y", "HTTP_LISTEN": "z"]
        ).warnings
        #expect(warnings.contains("the variable SETTLED_HTTP_LISTN sets nothing, did you mean `SETTLED_HTTP_LISTEN`?"))
        #expect(!warnings.contains { $0.contains("SETTLED_CONFIG") })
    }

    @Test("DATABASE_URL is known, and our own variable stands before it")
    func databaseURL() throws {
        let url = { (environment: [String: String]) in
            try Example.load(Example.minimal, environment).settings.database.url?.reveal()
        }
        #expect(try url(["DATABASE_URL": "a"]) == "a")
        #expect(try url(["DATABASE_URL": "a", "SETTLED_DATABASE_URL": "b"]) == "b")
        #expect(try url([:]) == nil)
    }

    @Test("A source takes its retry policy key by key from `work.retry`")
    func inheritedRetry() throws {
        let settings = try Example.load(
            Example.minimal.replacing("name: cplife", with: "name: a\n    retry: { cap: 1h }")
                + "work: { retry: { first: 2s, cap: 10m } }\n"
        ).settings
        #expect(settings.sources.first?.retry.usual.first == .seconds(2))
        #expect(settings.sources.first?.retry.usual.cap == .seconds(3600))
        #expect(settings.sources.first?.retry.usual.budget == .seconds(72 * 3600))
        #expect(settings.sources.first?.retry.notExisting.budget == .seconds(48 * 3600))
    }

    @Test("The configuration of the design document is right")
    func designExample() throws {
        let text = """
            database: { url: "postgresql://…" }
            http:     { listen: "0.0.0.0:8080", admin_listen: "127.0.0.1:9090" }
            apps:
              - { id: "2021000000000001", gateway: "https://openapi.alipay.com/gateway.do", sign_type: RSA2,
                  private_key: a, alipay_public_key: b }
            sources:
              - { name: cplife, app: "2021000000000001", profile: cplife, ack: signed-xml, sign_types: [RSA2] }
            merchants:
              - { seller_id: "2088000000000002", app: "2021000000000001", name: "…", communities: ["…"], app_auth_token: token }
            taobao:   { gateway: "https://eco.taobao.com/router/rest", app_key: "…", app_secret: s, session: t, sign_method: hmac-sha256, format: json }
            withholding: { poll_schedule: ["30s", "2m", "10m", "1h"], amount_unit: fen }
            agreements:  { app: "2021000000000001", rate_per_second: 20, daily_at: "03:30" }
            """
        let settings = try Example.load(text).settings
        #expect(settings.http.listen == ListenAddress(host: "0.0.0.0", port: 8080))
        #expect(settings.withholding?.pollSchedule == [.seconds(30), .seconds(120), .seconds(600), .seconds(3600)])
        #expect(settings.agreements?.ratePerSecond == 20)
    }
}
