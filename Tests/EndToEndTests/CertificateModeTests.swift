import Alipay
import Foundation
import Glibc
import Postgres
import Sandbox
import Settlement
import Testing

@testable import settled

/// Certificate mode and content encryption with the real program, over real HTTP.
@Suite struct CertificateModeTests {
    private func kept(_ stage: RealStage) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: stage.folder)
            .filter { $0.hasPrefix("alipay-") && $0.hasSuffix(".pem") }
    }

    @Test
    func `a certificate that Alipay renews is downloaded once, verified, kept, and believed after a restart`()
        async throws
    {
        let scenario = Scenario(.init(seed: 21, notifications: 40, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario, arrangement: .init(certificates: true)) { stage in
                let journal = DeliveryJournal()
                let half = scenario.deliveries.count / 2
                let program = try stage.start()
                try await program.during {
                    let address = try await program.addresses().notify
                    try await stage.sender(to: address, journal).send(Array(scenario.deliveries[..<half]))
                    _ = try await eventually("the first half to be settled") {
                        try await DemoLedger(pool: stage.pool).progress().isQuiet ? true : nil
                    }
                    #expect(stage.gateway.seal.downloads == 0)

                    let number = try stage.gateway.seal.renewCertificate(of: PrivateKey.generate())
                    try await stage.sender(to: address, journal).send(Array(scenario.deliveries[half...]))
                    try await stage.judge(journal)
                    #expect(stage.gateway.seal.downloads == 1, "many answers at once share one download")
                    #expect(try kept(stage) == ["alipay-\(scenario.settings.appID)-\(number).pem"])
                }

                // After a restart the kept certificate verifies the next answer at once.
                let again = try stage.start()
                try await again.during {
                    _ = try await again.addresses()
                    let trade = try #require(scenario.trades.first?.trade.tradeNo)
                    let seller = try #require(scenario.trades.first?.trade.sellerID)
                    let query = try RealProgram(
                        [
                            "query", trade, "--seller", seller, "--wait", "--timeout", "30", "--config",
                            stage.configuration,
                        ], folder: stage.folder)
                    #expect(await query.waitForEnd() == .exit(0), "\(query.output)")
                    #expect(stage.gateway.seal.downloads == 1)
                }
            }
        }
    }

    @Test func `answers under a certificate of another root, and a renewal that leads nowhere, settle nothing`()
        async throws
    {
        let scenario = Scenario(.init(seed: 22, notifications: 6, mix: .plain))
        try await Turns.one {
            try await RealStage.with(scenario, arrangement: .init(certificates: true)) { stage in
                let key = try PrivateKey.generate()
                let foreign = try SandboxAuthority().certificate(of: key, named: "Alipay", serial: 9)
                try stage.gateway.seal.renewCertificate(of: key, pem: foreign)
                let program = try stage.start()
                try await program.during {
                    let journal = DeliveryJournal()
                    try await stage.sender(to: program.addresses().notify, journal).send(scenario.deliveries)
                    let causes = try await eventually("answers to be refused") { () -> Set<String>? in
                        let found = try await Self.causes(stage)
                        return found.isEmpty ? nil : found
                    }
                    // Its issuer has the name of one that is believed, and another key.
                    #expect(causes == ["certificate_bad_chain"])
                    #expect(
                        stage.gateway.seal.downloads == 1, "a number that was refused is not asked for again at once")
                    #expect(try await stage.pool.query(FeedReader.lane, Self.settlements).isEmpty)
                    #expect(try kept(stage).isEmpty)

                    // The platform comes to its senses: a good certificate, and everything is settled.
                    try stage.gateway.seal.renewCertificate(of: PrivateKey.generate())
                    try await stage.judge(journal)
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `with a content key, questions and answers are encrypted, with keys and with certificates`(certificates: Bool)
        async throws
    {
        let scenario = Scenario(.init(seed: 23, notifications: 20, mix: .plain))
        let arrangement = RealStage.Arrangement(certificates: certificates, contentKey: "c2V0dGxlZC1zYW5kYm94IQ==")
        try await Turns.one {
            try await RealStage.with(scenario, arrangement: arrangement) { stage in
                let program = try stage.start()
                try await program.during {
                    let journal = DeliveryJournal()
                    try await stage.sender(to: program.addresses().notify, journal).send(scenario.deliveries)
                    try await stage.judge(journal)
                    let evidence = try await stage.pool.query(FeedReader.lane, Self.evidence)
                    #expect(!evidence.isEmpty)
                    for row in evidence {
                        let text = String(decoding: try row.bytea("answer"), as: UTF8.self)
                        #expect(text.contains("pay_result_query_response\":\""), "the answer came encrypted")
                    }
                }
            }
        }
    }

    @Test func `a program that only serves learns of a renewal from the first notification, and verifies the next`()
        async throws
    {
        let scenario = Scenario(.init(seed: 24, notifications: 1, mix: .plain))
        let trade = try #require(scenario.trades.first?.trade)
        try await Turns.one {
            try await RealStage.with(scenario, arrangement: .init(certificates: true)) { stage in
                let program = try stage.start("serve")
                try await program.during {
                    let address = try await program.addresses().notify
                    let key = try PrivateKey.generate()
                    var message = NotificationMessage.cplife(trade, path: "/notify/cplife", notifiedAt: trade.paidAt)
                    message["alipay_cert_sn"] = try stage.gateway.seal.renewCertificate(of: key)
                    let notification = try message.sealed(with: key)
                    #expect(try await stage.post(notification, to: address).status == 401)
                    let body = try await eventually("a delivery of it to be acknowledged") { () -> String? in
                        let answer = try await stage.post(notification, to: address)
                        return answer.status == 200 ? answer.body : nil
                    }
                    #expect(body.contains("econotify"))
                    #expect(stage.gateway.seal.downloads == 1)
                }
            }
        }
    }

    private static let settlements = Statement("e2e.settlements", "SELECT id FROM settled.settlements")
    private static let evidence = Statement("e2e.evidence", "SELECT answer FROM settled.evidence")
    private static let verdicts = Statement("e2e.verdicts", "SELECT DISTINCT verdict FROM settled.gateway_log")

    private static func causes(_ stage: RealStage) async throws -> Set<String> {
        Set(try await stage.pool.query(FeedReader.lane, verdicts).map { try $0.text("verdict") })
    }
}
