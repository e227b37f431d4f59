import Settlement
import Testing

@testable import settled

@Suite("The limits of a gateway") struct GatewaySettingsTests {
    private static let apps = """
        database: { url: "postgresql://localhost/settled" }
        apps:
          - { id: "1", private_key_file: a.pem, alipay_public_key_file: b.pem }
          - { id: "2", private_key_file: a.pem, alipay_public_key_file: b.pem }

        """

    private func settings(_ gateway: String) throws -> Settings {
        let folder = try SettingsFolder(["a.pem": "private", "b.pem": "public"])
        try folder.write(Self.apps + gateway, to: "settled.yaml")
        return try LoadedSettings.load(file: folder.path + "/settled.yaml", environment: [:]).settings
    }

    @Test func `what says more exactly for whom it is goes before what says less`() throws {
        let gateway = try settings(
            """
            gateway:
              rate_per_second: 100
              rates:
                - { app: "1", rate_per_second: 10 }
                - { method: m, rate_per_second: 20 }
                - { app: "1", method: m, rate_per_second: 5 }
            """
        ).gateway
        let (one, two) = (gateway.limits(of: "1"), gateway.limits(of: "2"))
        #expect(one.rate == 10 && one.methodRates == ["m": 5])
        #expect(two.rate == 100 && two.methodRates == ["m": 20])
    }

    @Test func `shares, thresholds and defaults arrive where they count`() throws {
        let usual = try settings("").gateway
        #expect(usual.limits(of: "1").rate == 200 && usual.limits(of: "1").retryShare == 0.1)
        #expect(usual.limits(of: "1").breaker.failures == 10 && usual.probeInterval == .seconds(60))
        let own = try settings(
            "gateway: { retry_percent: 25, retry_floor_per_second: 3, breaker_failures: 4, probe_interval: 5s }"
        ).gateway
        let limits = own.limits(of: "2")
        #expect(limits.retryShare == 0.25 && limits.retryFloor == 3 && limits.breaker.failures == 4)
        #expect(own.probeInterval == .seconds(5))
    }

    @Test(arguments: [
        ("gateway: { rates: [{ rate_per_second: 5 }] }", "a method, an app, or both"),
        ("gateway: { rates: [{ app: \"3\", rate_per_second: 5 }] }", "the id of an app"),
        ("gateway: { rates: [{ method: m }] }", "rate_per_second"),
        (
            "gateway: { rates: [{ method: m, rate_per_second: 5 }, { method: m, rate_per_second: 6 }] }",
            "is already that of"
        ),
    ])
    func `a rate that is for nobody, or twice for the same, is refused`(gateway: String, sentence: String) {
        #expect {
            _ = try settings(gateway)
        } throws: {
            "\($0)".contains(sentence)
        }
    }
}
