import Alipay
import Settlement
import Testing

/// What becomes of a notification whose signature holds, whatever it says.
@Suite struct ScreeningTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var changes: [String: String?] = [:]
        var bytes: [String: [UInt8]] = [:]
        /// Nil: the gateway is asked.
        var cause: Screening.Cause?
        var testDescription: String { name }
    }

    private static func screen(
        _ changes: [String: String?], bytes: [String: [UInt8]] = [:], profile: NotificationProfile = .cplife,
        merchants: Merchants = TestHouse.merchants
    ) throws -> (Screening, Alipay.Notification) {
        let source = try TestHouse.source(profile: profile)
        let body = try SignedNotification.body(changes, bytes: bytes, form: profile == .trade ? .v1 : .v2)
        let notification = try source.verifier.verify(body: body, contentType: SignedNotification.contentType)
        return (Screening(notification, from: source, merchants: merchants), notification)
    }

    private static let hostile = [
        "'); drop table settled.jobs;--", "\\", "%_", "<script>alert(1)</script>", "\u{202E}gnp", "\u{1B}[31m",
        "a\r\nb",
        "{{7*7}}", "${jndi:ldap://x}", "=cmd()",
    ]

    static let subjects: [Case] =
        [
            Case(name: "a trade number alone"),
            Case(name: "a token alone", changes: ["trade_no": nil, "query_token": "AbC/+=="]),
            Case(name: "both", changes: ["query_token": "AbC/+=="]),
            Case(name: "an empty trade number with a token", changes: ["trade_no": "", "query_token": "t"]),
            Case(name: "neither", changes: ["trade_no": nil], cause: .noSubject),
            Case(name: "an empty trade number", changes: ["trade_no": ""], cause: .noSubject),
            Case(name: "64 characters", changes: ["trade_no": String(repeating: "9", count: 64)]),
            Case(
                name: "65 characters", changes: ["trade_no": String(repeating: "9", count: 65)], cause: .subjectTooLong),
            Case(
                name: "a token of 65 characters beside a trade number",
                changes: ["query_token": String(repeating: "t", count: 65)], cause: .subjectTooLong),
        ]
        + hostile.map { (text: String) in
            Case(name: "the text \(text.debugDescription)", changes: ["trade_no": text])
        }

    static let amounts: [Case] =
        [
            "-1", "0", "0.00", "1e3", "NaN", "0.001", "１０", " 10", "10,00", "+1", "1.", ".5", "010", "999999999999.99",
        ].map { (amount: String) in
            Case(name: "total_amount \(amount)", changes: ["total_amount": amount], cause: .invalidAmount)
        } + [
            Case(name: "total_amount 10.2", changes: ["total_amount": "10.2"]),
            Case(name: "total_amount 10.20", changes: ["total_amount": "10.20"]),
            Case(name: "total_amount 99999999999.99", changes: ["total_amount": "99999999999.99"]),
            Case(name: "no total_amount", changes: ["total_amount": nil]),
            Case(name: "refund_fee 0.00", changes: ["refund_fee": "0.00"]),
            Case(name: "refund_fee 1.00", changes: ["refund_fee": "1.00"]),
            Case(name: "refund_fee -1.00", changes: ["refund_fee": "-1.00"], cause: .invalidAmount),
            Case(name: "an empty refund_fee", changes: ["refund_fee": ""]),
        ]

    static let receivers: [Case] = [
        Case(name: "our app's id", changes: ["app_id": TestHouse.appID]),
        Case(name: "a foreign app", changes: ["app_id": "2021000000000009"], cause: .foreignReceiver),
        Case(name: "a foreign seller", changes: ["seller_id": "2088000000000777"], cause: .foreignReceiver),
        Case(name: "no seller", changes: ["seller_id": nil]),
    ]

    static let statuses: [Case] = [
        ("TRADE_SUCCESS", nil), ("TRADE_SUCCES", nil), ("TRADE_FINISHED", nil), ("TRADE_CLOSED", nil),
        ("WAIT_BUYER_PAY", nil), ("", nil), ("PAID", .unknownTradeStatus), ("trade_success", .unknownTradeStatus),
    ].map { (status: String, cause: Screening.Cause?) in
        Case(name: "trade_status \(status.debugDescription)", changes: ["trade_status": status], cause: cause)
    }

    static let lists: [Case] = [
        Case(name: "one bill", changes: ["det_list": "B1"]),
        Case(name: "no det_list", changes: ["det_list": nil]),
        Case(name: "5000 bills", changes: ["det_list": (1...5000).map { "BILL\($0)" }.joined(separator: "|")]),
        Case(name: "a bill twice", changes: ["det_list": "B1|B1"]),
        Case(name: "an empty part", changes: ["det_list": "A||B"], cause: .badBillList),
        Case(name: "a bar at the end", changes: ["det_list": "A|"], cause: .badBillList),
        Case(name: "body of two parts", changes: ["body": "R1|C1"], cause: .badBody),
        Case(name: "body of four parts", changes: ["body": "R1|C1|1|2"], cause: .badBody),
        Case(name: "body without a bar", changes: ["body": "rent"], cause: .badBody),
        Case(name: "a bar before a mark that joins it", changes: ["body": "R1|\u{301}C1|1", "det_list": "A|\u{301}B"]),
        Case(name: "body with an empty community", changes: ["body": "R1||1"]),
        Case(name: "no body", changes: ["body": nil]),
        Case(name: "an empty fund list", changes: ["fund_bill_list": ""]),
        Case(name: "funds that are no JSON", changes: ["fund_bill_list": "[{"], cause: .badFundList),
        Case(
            name: "funds as HTML", changes: ["fund_bill_list": "[{&quot;amount&quot;:&quot;1&quot;}]"],
            cause: .badFundList),
        Case(
            name: "funds 10,000 deep",
            changes: ["fund_bill_list": String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)],
            cause: .badFundList),
        Case(
            name: "funds with a key twice", changes: ["fund_bill_list": #"[{"amount":"1","amount":"2"}]"#],
            cause: .badFundList),
        Case(name: "a fund of 1e400", changes: ["fund_bill_list": #"[{"amount":1e400}]"#], cause: .badFundList),
        Case(name: "a fund that is an object", changes: ["fund_bill_list": #"[{"amount":{}}]"#], cause: .badFundList),
        Case(name: "a fund as a number", changes: ["fund_bill_list": #"[{"amount":20.50,"fundChannel":"X"}]"#]),
    ]

    static let texts: [Case] =
        ["0000-00-00 00:00:00", "2026-02-30 00:00:00", "2999-01-01 00:00:00", "2026-03-18T22:07:12+09:00", ""].map {
            (time: String) in
            Case(name: "notify_time \(time.debugDescription) is recorded only", changes: ["notify_time": time])
        } + [
            Case(name: "an unknown charset", changes: ["charset": "utf-7"], cause: .unknownCharset),
            Case(name: "UTF-16", changes: ["charset": "utf-16"], cause: .unknownCharset),
            Case(name: "GBK declared and sent", changes: ["charset": "gbk"], bytes: ["subject": [0xD6, 0xD0]]),
            Case(name: "UTF-8 declared, GBK sent", bytes: ["subject": [0xD6, 0xD0]]),
            Case(name: "a NUL in a value", bytes: ["subject": [0x41, 0, 0x42]], cause: .nulInValue),
            Case(name: "a NUL in the trade number", bytes: ["trade_no": [0x41, 0, 0x42]], cause: .nulInValue),
            Case(name: "an unknown parameter", changes: ["_new_thing": "x"]),
            Case(name: "another parameter's name within a value", changes: ["subject": "a&trade_no=2"]),
        ]

    @Test(arguments: subjects + amounts + receivers + statuses + lists + texts)
    func `a verified notification is asked about, or a person looks first`(_ odd: Case) throws {
        switch try Self.screen(odd.changes, bytes: odd.bytes).0 {
        case .query: #expect(odd.cause == nil)
        case .quarantine(_, let cause, let message):
            #expect(cause == odd.cause)
            #expect(!message.isEmpty)
        }
    }

    @Test func `a value that could be split otherwise is flagged and asked about all the same`() throws {
        let (screening, notification) = try Self.screen(["subject": "a&trade_no=2"])
        #expect(notification.flags.contains(.ambiguousCanonical))
        guard case .query(let job) = screening else {
            Issue.record("it was not asked about")
            return
        }
        #expect(job.tradeNo == "2026031821001000000000000001")
    }

    @Test func `what was claimed is kept for the comparison with the answer`() throws {
        let (screening, _) = try Self.screen(["refund_fee": "0.05", "query_token": "tok/+="])
        let job = PayResultJob(
            source: "cplife", appID: TestHouse.appID, tradeNo: "2026031821001000000000000001", queryToken: "tok/+=",
            sellerID: TestHouse.sellerID, communityID: "C1", totalFen: 2050, refundFen: 5)
        #expect(screening == .query(job))
    }

    @Test func `of several oddities the first is named, and what could be read is kept`() throws {
        let (screening, _) = try Self.screen(["total_amount": "x", "trade_status": "PAID", "det_list": "A||B"])
        guard case .quarantine(let job, let cause, _) = screening else {
            Issue.record("it was not quarantined")
            return
        }
        #expect(cause == .unknownTradeStatus)
        #expect(job.tradeNo == "2026031821001000000000000001")
        #expect(job.communityID == "C1")
        #expect(job.totalFen == nil)
    }

    @Test func `in a trade notification without bills body is free text`() throws {
        let (screening, _) = try Self.screen(["body": "anything | at all", "det_list": nil], profile: .trade)
        guard case .query = screening else {
            Issue.record("it was quarantined")
            return
        }
    }

    @Test func `a payment that could be several merchants' waits for a person`() throws {
        let merchants = Merchants([
            TestHouse.merchant, Merchant(sellerID: "2088000000000003", appID: TestHouse.appID, communities: ["C9"]),
        ])
        let (unclear, _) = try Self.screen(["seller_id": nil, "body": "R1|C5|1"], merchants: merchants)
        guard case .quarantine(_, .merchantUnknown, _) = unclear else {
            Issue.record("a merchant was guessed")
            return
        }
        let (clear, _) = try Self.screen(["seller_id": nil, "body": "R1|C9|1"], merchants: merchants)
        guard case .query = clear else {
            Issue.record("the community did not tell")
            return
        }
    }
}
