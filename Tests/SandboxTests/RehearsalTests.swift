import Alipay
import Logging
import Synchronization
import Testing
import Wire

@testable import Sandbox

/// The whole sandbox plays against a receiver that is right by being simple: it verifies, acknowledges, asks until it has an
/// answer, and writes down. It shows that a scenario can end as it says, before any real receiver is judged by it.
@Suite("A rehearsal of a whole scenario")
struct RehearsalTests {
    @Test("A simple and careful receiver satisfies the witness; every fault, lie and shape was met on the way")
    func wholeScenario() async throws {
        let keys = try TestKeys.keys()
        var mix = ScenarioMix()
        mix.lateness = .milliseconds(5)
        mix.faults = GatewayFault.passing.filter { if case .late = $0 { false } else { true } }
        let scenario = Scenario(.init(seed: 11, notifications: 400, mix: mix))
        let gateway = GatewaySimulator(
            appID: scenario.settings.appID, keys: keys, book: TradeBook(scenario.trades), tokens: scenario.tokens)
        let journal = DeliveryJournal()
        let account = try await gateway.whileRunning { url in
            let receiver = try SimpleReceiver(gateway: url, scenario: scenario, keys: keys)
            try await receiver.server.whileRunning { origin in
                let cplife = ExpectedAcknowledgement(.signedXML, appKey: keys.app.publicKey)
                let trade = ExpectedAcknowledgement(.success, appKey: keys.app.publicKey)
                try await NotificationSender(
                    targets: [
                        "cplife": .init(url: origin + "/notify/cplife", acknowledgement: cplife),
                        "trade": .init(url: origin + "/notify/trade", acknowledgement: trade),
                    ], keys: keys, schedule: .once, concurrency: 8, journal: journal
                ).send(scenario.deliveries)
            }
            return await receiver.close()
        }
        let verdict = Witness(
            truth: gateway.truth, journal: journal.entries, expectations: scenario.expectations
        ).examine(account)
        #expect(verdict.findings == [])
        #expect(verdict.holds)
        #expect(verdict.due == scenario.expectedSettlements)
        #expect(journal.tally.acknowledged == scenario.deliveries.count(where: \.isGenuine))
        for entry in journal.entries where !entry.isGenuine { #expect(entry.status == entry.forgery?.status) }
    }
}

/// Verifies with the verifier, asks with the client, keeps everything in memory, and asks before it acknowledges.
private final class SimpleReceiver: Sendable {
    private struct Books {
        var account = ReceiverAccount()
        var digests: Set<[UInt8]> = []
    }

    private let books = Mutex(Books())
    private let verifiers: [String: NotificationVerifier]
    private let acknowledgements: [String: Acknowledgement]
    private let client: GatewayClient
    private let transport: HTTPTransport
    private let tokens: [String: String]
    let server: LoopbackServer

    init(gateway: String, scenario: Scenario, keys: SandboxKeys) throws {
        verifiers = [
            "/notify/cplife": NotificationVerifier(profile: .cplife, keys: [keys.alipay.publicKey]),
            "/notify/trade": NotificationVerifier(profile: .trade, keys: [keys.alipay.publicKey]),
        ]
        acknowledgements = [
            "/notify/cplife": try Acknowledgement(style: .signedXML, key: keys.app),
            "/notify/trade": try Acknowledgement(style: .success),
        ]
        transport = HTTPTransport(connections: 8)
        let app = GatewayApp(
            appID: scenario.settings.appID, gateway: try GatewayAddress(gateway), privateKey: keys.app,
            alipayKeys: [keys.alipay.publicKey])
        client = GatewayClient(app: app, transport: transport)
        tokens = Dictionary(
            uniqueKeysWithValues: scenario.settings.merchants.compactMap { merchant in
                merchant.appAuthToken.map { (merchant.sellerID, $0) }
            })
        let answer = Mutex<(@Sendable (WireRequest) async throws -> WireReply)?>(nil)
        server = LoopbackServer(
            host: "127.0.0.1", port: 0, logger: Logger(label: "receiver", factory: { _ in SwiftLogNoOpLogHandler() })
        ) { request in
            guard let answer = answer.withLock({ $0 }) else { return .page(503) }
            return try await answer(request)
        }
        answer.withLock { $0 = { [unowned self] request in try await self.receive(request) } }
    }

    func close() async -> ReceiverAccount {
        await transport.shutdown()
        return books.withLock { $0.account }
    }

    private func receive(_ request: WireRequest) async throws -> WireReply {
        guard let verifier = verifiers[request.path], let owed = acknowledgements[request.path] else {
            return .page(404)
        }
        let notification: Alipay.Notification
        do throws(NotificationRejection) {
            notification = try verifier.verify(body: request.body, contentType: request.contentType)
        } catch {
            return WireReply(status: error.status, body: Array("fail".utf8))
        }
        if books.withLock({ $0.digests.insert(notification.digest).inserted }) { await settle(notification) }
        return WireReply(contentType: owed.contentType, body: owed.body)
    }

    private func settle(_ notification: Alipay.Notification) async {
        var job = JobAccount(
            tradeNo: notification["trade_no"], queryToken: notification["query_token"], outcome: "quarantined")
        defer { books.withLock { $0.account.jobs.append(job) } }
        guard let token = notification["seller_id"].flatMap({ tokens[$0] }) else {
            job.cause = "merchant_unknown"
            return
        }
        switch await ask(job, token) {
        case .failure(let failure): job.cause = failure.kind.rawValue
        case .known(let result, _): (job.outcome, job.cause) = record(result, notification["total_amount"])
        }
    }

    /// Asks until the answer is final: the faults of a scenario pass, so a few times are enough.
    private func ask(_ job: JobAccount, _ token: String) async -> PayResultAnswer {
        let subject: PayResultQuery.Subject =
            job.tradeNo.map { .tradeNo($0) } ?? .queryToken(job.queryToken ?? "")
        var answer = await client.payResult(subject, appAuthToken: token)
        for _ in 1...ScenarioMix().faultCalls {
            guard case .failure(let failure) = answer, failure.kind != .belongsToOthers else { break }
            answer = await client.payResult(subject, appAuthToken: token)
        }
        return answer
    }

    private func record(_ result: PayResult, _ announced: String?) -> (outcome: String, cause: String?) {
        guard result.tradeStatus.isPaid else { return ("nothing_due", nil) }
        if let announced, Amount(yuan: announced) != result.totalAmount { return ("quarantined", "amount_conflict") }
        guard result.bills.reduce(0, { $0 + $1.amount.fen }) == result.totalAmount.fen else {
            return ("quarantined", "bills_mismatch")
        }
        return books.withLock { books in
            guard !books.account.settlements.contains(where: { $0.tradeNo == result.tradeNo }) else {
                return ("already_settled", nil)
            }
            books.account.settlements.append(
                SettledTrade(
                    tradeNo: result.tradeNo, totalFen: result.totalAmount.fen, sellerID: result.sellerID ?? "",
                    paidAt: result.paidAt,
                    bills: result.bills.map { bill in
                        Trade.Bill(
                            id: bill.id, period: bill.period ?? "", costType: bill.costType ?? "", fen: bill.amount.fen)
                    },
                    funds: result.funds.map { Trade.Fund(channel: $0.channel, fen: $0.amount.fen) }))
            return ("settled", nil)
        }
    }
}
