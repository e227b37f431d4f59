import Taobao
import Testing
import Wire

@testable import Sandbox

/// The program's own client against the simulated platform, over real HTTP.
@Suite(.timeLimit(.minutes(5))) struct TOPSimulatorTests {
    private static let secret = "helloworld"
    private static let paidAt: Int64 = 1_578_621_600

    private static func client(
        _ url: String, method: SignMethod = .hmacSHA256, format: TaobaoApp.Format = .json(isSimplified: false),
        session: SessionKey = SessionKey(nil), secret: String = secret, appKey: String = "12345678",
        now: (@Sendable () -> Int64)? = nil
    ) throws -> TaobaoClient {
        let app = TaobaoApp(
            gateway: try GatewayAddress(url), appKey: appKey, secret: secret, session: session, signMethod: method,
            format: format)
        return TaobaoClient(
            app: app, transport: HTTPTransport(connections: 2), deadline: .seconds(10),
            now: now ?? SystemClock.microseconds)
    }

    private static func order(_ id: String = "1") throws -> WithholdingOrder {
        try WithholdingOrder(bizOrderID: id, payBizCode: "R1")
    }

    private static func simulator(_ orders: [PlatformOrder], session: String? = nil, writesYuan: Bool = false)
        -> TOPSimulator
    {
        TOPSimulator(
            appKey: "12345678", secret: secret, book: OrderBook(orders, session: session), writesYuan: writesYuan)
    }

    private static func word(_ answer: AgreementPayAnswer) -> String {
        switch answer {
        case .bill(let bill, _): bill.status.description
        case .failure(let failure): failure.cause
        }
    }

    @Test(
        arguments: SignMethod.allCases, [TaobaoApp.Format.json(isSimplified: false), .json(isSimplified: true), .xml])
    func `a story is told in each form to whoever signs by any method`(method: SignMethod, format: TaobaoApp.Format)
        async throws
    {
        let id = "订单+1&2=3%4🏠"
        let simulator = Self.simulator([PlatformOrder(id, story: .paid, amounts: [50, 70], paidAt: Self.paidAt)])
        try await simulator.whileRunning { url in
            let client = try Self.client(url, method: method, format: format)
            var bills: [AgreementPayBill] = []
            for _ in 0..<4 {
                guard case .bill(let bill, let evidence) = await client.agreementPay(try Self.order(id)) else {
                    Issue.record("no bill")
                    return
                }
                #expect(evidence.requestID?.isEmpty == false)
                bills.append(bill)
            }
            #expect(bills.map(\.status) == [.initial, .partial, .succeeded, .succeeded])
            #expect(bills.map(\.details.count) == [0, 2, 2, 2])
            #expect(bills[3].totalAmount == "120" && bills[3].details.map(\.amount) == ["50", "70"])
            #expect(bills[3].details.map(\.planID) == ["R1_\(id)_1", "R1_\(id)_2"])
            #expect(bills[3].details.map(\.paidAt) == [Self.paidAt, Self.paidAt])
            #expect(bills[1].details[1].status == "INIT" && bills[1].details[1].alipayTradeNo == nil)
        }
        #expect(simulator.book.answers(id) == ["INIT", "PARTIAL_SUCCESSED", "SUCCESSED", "SUCCESSED"])
    }

    @Test func `every documented error reaches the client by its sub_code or code`() async throws {
        let orders = TOPRefusal.documented.enumerated().map { index, refusal in
            PlatformOrder(
                "\(index)", story: .paid, amounts: [50], paidAt: Self.paidAt, faults: [.error(refusal)])
        }
        try await Self.simulator(orders).whileRunning { url in
            for format in [TaobaoApp.Format.xml, .json(isSimplified: true)] {
                let client = try Self.client(url, format: format)
                for (index, refusal) in TOPRefusal.documented.enumerated() where format == .xml {
                    guard case .failure(let failure) = await client.agreementPay(try Self.order("\(index)")) else {
                        Issue.record("a bill: \(refusal)")
                        continue
                    }
                    #expect(failure.cause == refusal.subCode ?? String(refusal.code))
                    #expect(failure.code == String(refusal.code) && failure.requestID != nil)
                }
                #expect(Self.word(await client.agreementPay(try Self.order("nobody's"))) == "ORDER_NOT_EXIST")
            }
        }
    }

    static let faults: [(TOPFault, String)] = [
        (.businessError("SYSTEM_BUSY"), "SYSTEM_BUSY"), (.wrongOrder, "wrong_echo"), (.missingEcho, "wrong_echo"),
        (.moduleAsText, "INIT"), (.bareInstalment, "INIT"), (.otherFormat, "INIT"), (.doctype, "no_answer"),
        (.page(502), "http_502"), (.page(302), "http_302"), (.empty, "no_answer"), (.half, "reset"), (.reset, "reset"),
        (.late(.milliseconds(1)), "INIT"),
    ]

    @Test(arguments: faults)
    func `a fault is played once and then the story goes on`(fault: TOPFault, word: String) async throws {
        let order = PlatformOrder("1", story: .endless, amounts: [50], paidAt: Self.paidAt, faults: [fault])
        try await Self.simulator([order]).whileRunning { url in
            let client = try Self.client(url)
            #expect(Self.word(await client.agreementPay(try Self.order())) == word)
            #expect(Self.word(await client.agreementPay(try Self.order())) == "INIT")
        }
    }

    @Test func `a bare instalment and a module as text read like any other`() async throws {
        for fault in [TOPFault.bareInstalment, .moduleAsText] {
            let step = PlatformOrder.Step(
                "SUCCESSED", totalFen: 50, [.init(planID: "R1_1_1", status: "SUCCESSED", fen: 50)])
            let order = PlatformOrder(bizOrderID: "1", steps: [step], faults: [fault])
            for format in [TaobaoApp.Format.xml, .json(isSimplified: false)] {
                try await Self.simulator([order], writesYuan: true).whileRunning { url in
                    guard
                        case .bill(let bill, _) = await (try Self.client(url, format: format)).agreementPay(
                            try Self.order())
                    else {
                        Issue.record("no bill: \(fault) \(format)")
                        return
                    }
                    #expect(bill.details.map(\.planID) == ["R1_1_1"] && bill.totalAmount == "0.50")
                }
            }
        }
    }

    @Test func `who asks during a ban has it begin again, and is counted`() async throws {
        let simulator = Self.simulator([PlatformOrder("1", story: .endless, amounts: [50], paidAt: Self.paidAt)])
        try await simulator.whileRunning { url in
            let client = try Self.client(url)
            simulator.book.ban(for: .seconds(600), isDailyQuota: true)
            for _ in 0..<2 {
                guard case .failure(let failure) = await client.agreementPay(try Self.order()),
                    case .throttle(let ban) = failure.kind
                else {
                    Issue.record("no ban")
                    return
                }
                #expect(ban.duration == .seconds(600) && ban.isDailyQuota)
            }
            #expect(simulator.book.asksDuringBans == 2)
            simulator.book.ban(for: .zero)
            #expect(Self.word(await client.agreementPay(try Self.order())) == "INIT")
        }
    }

    @Test func `a ban begins again with every question, and ends when nobody asks for as long`() {
        let book = OrderBook(limit: .init(calls: 1, span: .seconds(60), ban: .seconds(10)))
        let second: Int64 = 1_000_000
        #expect(book.admit(at: 0) == nil)
        #expect(book.admit(at: 1 * second) == .callLimited(seconds: 10))
        #expect(book.admit(at: 10 * second) == .callLimited(seconds: 10))
        #expect(book.admit(at: 19 * second) == .callLimited(seconds: 10))
        #expect(book.admit(at: 29 * second) == nil)
        #expect(book.asksDuringBans == 2)
    }

    @Test func `more calls than are allowed begin a ban`() async throws {
        let book = OrderBook(
            [PlatformOrder("1", story: .endless, amounts: [50], paidAt: Self.paidAt)],
            limit: .init(calls: 3, span: .seconds(600), ban: .seconds(13)))
        let simulator = TOPSimulator(appKey: "12345678", secret: Self.secret, book: book)
        try await simulator.whileRunning { url in
            let client = try Self.client(url)
            var words: [String] = []
            for _ in 0..<4 { words.append(Self.word(await client.agreementPay(try Self.order()))) }
            #expect(words == ["INIT", "INIT", "INIT", "accesscontrol.limited-by-api-access-count"])
        }
    }

    @Test func `a session that has run out is refused until the new one is used`() async throws {
        let simulator = Self.simulator(
            [PlatformOrder("1", story: .endless, amounts: [50], paidAt: Self.paidAt)], session: "old")
        try await simulator.whileRunning { url in
            let session = SessionKey(nil)
            let client = try Self.client(url, session: session)
            #expect(Self.word(await client.agreementPay(try Self.order())) == "26")
            session.replace(with: "old")
            #expect(Self.word(await client.agreementPay(try Self.order())) == "INIT")
            simulator.book.rotateSession(to: "new")
            #expect(Self.word(await client.agreementPay(try Self.order())) == "invalid-sessionkey")
            session.replace(with: "new")
            #expect(Self.word(await client.agreementPay(try Self.order())) == "INIT")
        }
    }

    @Test func `a wrong secret, app key or clock is refused before the order is looked at`() async throws {
        let simulator = Self.simulator([PlatformOrder("1", story: .endless, amounts: [50], paidAt: Self.paidAt)])
        try await simulator.whileRunning { url in
            let early: @Sendable () -> Int64 = { SystemClock.microseconds() - 660_000_000 }
            for (client, word) in [
                (try Self.client(url, secret: "other"), "isv.invalid-signature"),
                (try Self.client(url, appKey: "87654321"), "isv.appkey-not-exists"),
                (try Self.client(url, now: early), "isv.invalid-timestamp"),
            ] {
                #expect(Self.word(await client.agreementPay(try Self.order())) == word)
            }
            #expect(simulator.book.answers("1").isEmpty)
            #expect(simulator.book.refusals.count == 3)
        }
    }

    @Test func `an order is read from a line, and what is wrong with it is said`() throws {
        let order = try PlatformOrder(line: #"{"biz_order_id":"9","story":"partly","amounts":["50",70]}"#)
        #expect(order.bizOrderID == "9" && order.payBizCode == "R1")
        #expect(order.steps.map(\.status) == ["INIT", "PARTIAL_SUCCESSED", "FAILED"])
        #expect(order.steps.last?.instalments.map(\.status) == ["SUCCESSED", "FAILED"])
        for line in [
            "", "[]", "{}", #"{"biz_order_id":""}"#, #"{"biz_order_id":"1","story":"x"}"#,
            #"{"biz_order_id":"1","amounts":[]}"#, #"{"biz_order_id":"1","amounts":["0.5"]}"#,
            #"{"biz_order_id":"1","amounts":[0]}"#,
        ] {
            #expect(throws: SandboxError.self, "\(line)") { try PlatformOrder(line: line) }
        }
    }
}
