import Alipay
import Sandbox
import Testing
import Wire

@Suite("The gateway simulator, over real HTTP, read by the gateway client")
struct GatewaySimulatorTests {
    private static let appID = "2021000000000001"

    @Test(
        "Every shape of an answer says the same trade",
        arguments: AnswerShape.Lists.allCases, AnswerShape.Money.allCases)
    func shapes(lists: AnswerShape.Lists, money: AnswerShape.Money) async throws {
        let trade = someTrade { trade in
            if lists == .singleObject {
                trade.bills.removeLast(2)
                trade.funds.removeLast()
            }
        }
        for odd in [false, true] {
            let shape = AnswerShape(
                lists: lists, money: money, misspelsStatus: odd, escapesSlashes: odd, escapesUnicode: odd,
                isSpaced: odd, putsSignFirst: odd)
            try await ask([StagedTrade(trade, shape: shape)]) { client, _ in
                let result = try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
                expect(result, toSay: trade)
                #expect(result.flags.contains(.statusMisspelt) == odd)
            }
        }
    }

    @Test("A trade can be asked for by its token, and the answer names the number")
    func byToken() async throws {
        let trade = someTrade(token: "2GjV8Z/WuK/GgLdt1Lgd0DLcdhfBYzR8G16bm6wqY9o=")
        try await ask([StagedTrade(trade)]) { client, gateway in
            let token = try #require(trade.queryToken)
            let result = try known(await client.payResult(.queryToken(token), appAuthToken: "token-of-2"))
            expect(result, toSay: trade)
            #expect(gateway.truth.questions[trade.tradeNo]?.map(\.answer) == ["10000"])
        }
    }

    @Test("Who asks in GBK is answered in GBK, signed over those bytes")
    func gbk() async throws {
        let trade = someTrade()
        try await ask([StagedTrade(trade)], change: { $0.charset = .gbk }) { client, _ in
            let result = try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
            expect(result, toSay: trade)
        }
    }

    /// What the client makes of each fault: the class of the failure and its cause.
    static let faults: [(GatewayFault, FailureClass, String)] = [
        (.status(500), .transport, "http_500"), (.status(503), .transport, "http_503"),
        (.status(429), .throttle, "http_429"), (.status(301), .transport, "http_301"),
        (.status(204), .transport, "http_204"), (.empty, .transport, "empty"), (.page, .transport, "not_json"),
        (.unsignedSuccess, .untrusted, "missing_sign"), (.foreignSignature, .untrusted, "bad_signature"),
        (.signatureOverOtherBytes, .untrusted, "bad_signature"), (.wrongTrade, .transport, "wrong_echo"),
        (.secondNode, .untrusted, "duplicate_node"), (.unknownError(signed: true), .retry, "isp.unknow-error"),
        (.unknownError(signed: false), .retry, "isp.unknow-error"),
        (.unknownError(signed: false, gbk: true), .retry, "isp.unknow-error"), (.systemError, .retry, "SYSTEM_ERROR"),
        (.callLimited, .throttle, "isv.app-call-limited"), (.notExisting, .notExisting, "PAY_INFO_NOT_EXISTING"),
        (.belongsToOthers, .belongsToOthers, "PAY_INFO_BELONGING_TO_OTHERS"), (.huge(5 << 20), .transport, "too_large"),
        (.drip(.seconds(5)), .transport, "timeout"), (.late(.seconds(60)), .transport, "timeout"),
        (.halfBody, .transport, ""), (.reset, .transport, ""), (.gbkAnswer, .untrusted, ""),
    ]

    @Test("A fault strikes as often as planned, is what it says, and then the truth is told", arguments: faults)
    func fault(_ fault: GatewayFault, kind: FailureClass, cause: String) async throws {
        let trade = someTrade()
        let staged = [StagedTrade(trade, faults: [PlannedFault(fault, calls: 2)]), StagedTrade(someTrade(2))]
        let isSlow = kind == .transport && cause == "timeout"
        try await ask(staged, deadline: isSlow ? .milliseconds(150) : .seconds(20)) { client, gateway in
            for _ in 1...2 {
                let failure = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
                #expect(failure.kind == kind, "\(fault.name): \(failure) \(failure.message)")
                if !cause.isEmpty { #expect(failure.cause == cause, "\(fault.name): \(failure.message)") }
            }
            guard !isSlow else { return }
            let result = try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
            expect(result, toSay: trade)
            #expect(gateway.truth.questions[trade.tradeNo]?.map(\.answer) == [fault.name, fault.name, "10000"])
        }
    }

    @Test("Only the 20000 of the documents is unsigned on demand; business errors are signed")
    func signedErrors() async throws {
        let faults = [
            PlannedFault(.unknownError(signed: true)), PlannedFault(.unknownError(signed: false)),
            PlannedFault(.notExisting),
        ]
        let trade = someTrade()
        try await ask([StagedTrade(trade, faults: faults)]) { client, _ in
            for isSigned in [true, false, true] {
                let failure = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
                #expect(failure.signed == isSigned, "\(failure.cause)")
            }
        }
    }

    @Test("A trade is shown to the holder of its authorisation and to nobody else")
    func authorisation() async throws {
        let trade = someTrade()
        // Neither does a fault show the trade to those who may not see it.
        try await ask([StagedTrade(trade, faults: [PlannedFault(.late(.zero), calls: .max)])]) { client, gateway in
            let others = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-3"))
            #expect(others.kind == .belongsToOthers && others.signed)
            let nobodys = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: nil))
            #expect(nobodys.kind == .belongsToOthers)
            let invented = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "no-such-token"))
            #expect(invented.cause == "aop.invalid-app-auth-token" && invented.kind == .operator)
            #expect(gateway.truth.questions[trade.tradeNo]?.count == 2)
            #expect(gateway.truth.refusals == ["aop.invalid-app-auth-token": 1])
        }
    }

    @Test("Unknown trades and unknown methods get the documented errors")
    func unknown() async throws {
        try await ask([]) { client, _ in
            let trade = try failed(await client.payResult(.tradeNo("1"), appAuthToken: "token-of-2"))
            #expect(trade.kind == .notExisting && trade.signed)
            guard case .failure(let method) = await client.call("alipay.trade.query", bizContent: "{}") else {
                Issue.record("an unknown method was answered")
                return
            }
            #expect(method.cause == "isv.invalid-method" && method.signed)
            guard case .failure(let empty) = await client.call(PayResultQuery.method, bizContent: "{}") else {
                Issue.record("a question about nothing was answered")
                return
            }
            #expect(empty.cause == "INVALID_PARAMETER")
            guard case .failure(let broken) = await client.call(PayResultQuery.method, bizContent: "{") else {
                Issue.record("broken JSON was answered")
                return
            }
            #expect(broken.cause == "isv.illegal-json")
        }
    }

    /// What is refused before the gateway knows whose key to trust, so without a signature.
    static let strangers: [(String, String, @Sendable (inout GatewayApp, SandboxKeys) -> Void)] = [
        ("another app id", "isv.invalid-app-id", { app, _ in app.appID = "2021000000000099" }),
        ("another key", "isv.invalid-signature", { app, keys in app.privateKey = keys.stranger }),
        ("an algorithm that is not allowed", "isv.invalid-signature-type", { app, _ in app.algorithm = .rsa }),
    ]

    @Test("A call that does not verify is refused, unsigned, and never reaches a trade", arguments: strangers.indices)
    func unverified(index: Int) async throws {
        let (_, cause, change) = Self.strangers[index]
        let keys = try TestKeys.keys()
        let trade = someTrade()
        try await ask([StagedTrade(trade)], change: { change(&$0, keys) }) { client, gateway in
            let failure = try failed(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
            #expect(failure.cause == cause && !failure.signed)
            #expect(gateway.truth.refusals == [cause: 1])
            #expect(gateway.truth.timesAsked(trade.tradeNo) == 0)
        }
    }

    @Test("A timestamp out of time is refused")
    func timestamp() async throws {
        let keys = try TestKeys.keys()
        let gateway = GatewaySimulator(appID: Self.appID, keys: keys, book: TradeBook())
        try await gateway.whileRunning { url in
            let transport = HTTPTransport(connections: 1)
            let app = GatewayApp(
                appID: Self.appID, gateway: try GatewayAddress(url), privateKey: keys.app,
                alipayKeys: [keys.alipay.publicKey])
            let client = GatewayClient(
                app: app, transport: transport, now: { SystemClock.microseconds() - 3_600_000_000 })
            #expect(try failed(await client.payResult(.tradeNo("1"))).cause == "isv.invalid-timestamp")
            await transport.shutdown()
        }
    }

    @Test("A trade that is closed says so, and the truth remembers that it was paid")
    func closed() async throws {
        let trade = someTrade()
        try await ask([StagedTrade(trade)]) { client, gateway in
            #expect(gateway.book.move(trade.tradeNo, to: .closed))
            let result = try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
            #expect(result.tradeStatus.description == "TRADE_CLOSED")
            #expect(gateway.truth.trade(trade.tradeNo)?.wasPaid == true)
            #expect(!gateway.book.move("unknown", to: .closed))
        }
    }

    @Test("Answers signed beforehand are the true ones, also after the trade has changed")
    func presigned() async throws {
        let trade = someTrade()
        try await ask((1...20).map { StagedTrade(someTrade($0)) }) { client, gateway in
            try await gateway.presign()
            expect(try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2")), toSay: trade)
            gateway.book.move(trade.tradeNo, to: .closed)
            let closed = try known(await client.payResult(.tradeNo(trade.tradeNo), appAuthToken: "token-of-2"))
            #expect(closed.tradeStatus == .closed)
        }
    }

    @Test("Chance strikes the same calls for the same seed, and only the first ones")
    func rates() async throws {
        let trades = (1...40).map { StagedTrade(someTrade($0)) }
        func struck(seed: UInt64) async throws -> Set<String> {
            let rates = FaultRates(seed: seed, rates: [(.status(500), 0.5)], calls: 1)
            return try await ask(trades, rates: rates) { client, _ in
                var struck: Set<String> = []
                for staged in trades.shuffled() {
                    let tradeNo = staged.trade.tradeNo
                    if case .failure = await client.payResult(.tradeNo(tradeNo), appAuthToken: "token-of-2") {
                        struck.insert(tradeNo)
                    }
                    _ = try known(await client.payResult(.tradeNo(tradeNo), appAuthToken: "token-of-2"))
                }
                return struck
            }
        }
        let first = try await struck(seed: 1)
        #expect((5...35).contains(first.count))
        #expect(try await struck(seed: 1) == first)
        #expect(try await struck(seed: 2) != first)
    }

    // MARK: -

    @discardableResult
    private func ask<Value: Sendable>(
        _ trades: [StagedTrade], rates: FaultRates = .none, deadline: Duration = .seconds(20),
        change: (inout GatewayApp) -> Void = { _ in },
        _ questions: (GatewayClient, GatewaySimulator) async throws -> Value
    ) async throws -> Value {
        let keys = try TestKeys.keys()
        let gateway = GatewaySimulator(
            appID: Self.appID, keys: keys, book: TradeBook(trades), tokens: ["token-of-2", "token-of-3"], rates: rates)
        return try await gateway.whileRunning { url in
            var app = GatewayApp(
                appID: Self.appID, gateway: try GatewayAddress(url), privateKey: keys.app,
                alipayKeys: [keys.alipay.publicKey])
            change(&app)
            let transport = HTTPTransport(connections: 4)
            do {
                let value = try await questions(
                    GatewayClient(app: app, transport: transport, deadline: deadline), gateway)
                await transport.shutdown()
                return value
            } catch {
                await transport.shutdown()
                throw error
            }
        }
    }

    private func known(_ answer: PayResultAnswer) throws -> PayResult {
        switch answer {
        case .known(let result, _): return result
        case .failure(let failure): throw failure
        }
    }

    private func failed(_ answer: PayResultAnswer) throws -> GatewayFailure {
        guard case .failure(let failure) = answer else { throw Unexpected.success }
        return failure
    }

    private enum Unexpected: Error { case success }

    private func expect(_ result: PayResult, toSay trade: Trade) {
        #expect(result.tradeNo == trade.tradeNo)
        #expect(result.sellerID == trade.sellerID)
        #expect(result.buyerLogonID == trade.buyerLogonID)
        #expect(result.tradeStatus.isPaid)
        #expect(result.totalAmount.fen == trade.totalFen)
        #expect(result.paidAt == trade.paidAt)
        #expect(result.bizEntity.householdID == trade.householdID)
        #expect(result.bills.map(\.id) == trade.bills.map(\.id))
        #expect(result.bills.map(\.period) == trade.bills.map(\.period))
        #expect(result.bills.map(\.costType) == trade.bills.map(\.costType))
        #expect(result.bills.map(\.amount.fen) == trade.bills.map(\.fen))
        #expect(result.funds.map(\.channel) == trade.funds.map(\.channel))
        #expect(result.funds.map(\.amount.fen) == trade.funds.map(\.fen))
    }
}
