import Testing
import Wire

@testable import Alipay

@Suite struct PayResultTests {
    private func decode(_ changes: [String: String?]) throws -> PayResult {
        guard case .object(let node) = try JSONScanner.value(of: Array(SignedAnswer.paid(changes).utf8)) else {
            throw PayResultError(field: "node")
        }
        return try PayResult(node: node)
    }

    @Test func `a full answer is read`() throws {
        let result = try decode([:])
        #expect(result.tradeNo == "T1" && result.tradeStatus == .success && result.totalAmount.fen == 1021)
        #expect(result.sellerID == "2088000000000002" && result.buyerUserID == nil && result.bizType == "00")
        #expect(result.bizEntity == .init(roomID: "R", communityID: "C", householdID: "H"))
        #expect(result.paidAt == 1_417_074_357)
        #expect(result.funds == [.init(channel: "ALIPAYACCOUNT", amount: Amount(fen: 1021))])
        #expect(result.bills == [.init(id: "B1", period: "P", costType: "F", amount: Amount(fen: 1021))])
        #expect(result.flags.isEmpty)
    }

    // MARK: Lists

    static let bill = #"{"bill_entry_id":"B1","bill_entry_amount":"1.00"}"#
    static let two = #"{"bill_entry_id":"B1","bill_entry_amount":"1.00"},{"bill_entry_id":"B2","bill_entry_amount":2}"#

    @Test(
        arguments: [
            ("[\(two)]", ["B1", "B2"], false),
            ("[\(bill)]", ["B1"], false),
            (bill, ["B1"], true),
            ("{\"trade_assoc_bill_details\":[\(two)]}", ["B1", "B2"], false),
            ("{\"trade_assoc_bill_details\":\(bill)}", ["B1"], true),
            ("{\"item\":[]}", [], false),
            (JSONWriter.string("[\(two)]"), ["B1", "B2"], false),
            (JSONWriter.string(bill), ["B1"], true),
            (JSONWriter.string("{\"list\":[\(two)]}"), ["B1", "B2"], false),
            ("\"null\"", [], false), ("null", [], false), ("\"\"", [], false), ("\" \"", [], false), ("{}", [], false),
            ("[]", [], false), (nil, [], false),
        ] as [(String?, [String], Bool)])
    func `a list is read in every form it may have`(form: String?, ids: [String], single: Bool) throws {
        let result = try decode(["assoc_bill_details": form])
        #expect(result.bills.map(\.id) == ids)
        #expect(result.flags.contains(.billsSingleObject) == single)
        let funds = form.map {
            $0.replacing("bill_entry_id", with: "fund_channel").replacing("bill_entry_amount", with: "amount")
        }
        let paid = try decode(["fund_bill_list": funds])
        #expect(paid.funds.map(\.channel) == ids)
        #expect(paid.flags.contains(.fundsSingleObject) == single)
    }

    @Test(arguments: ["7", "true", "\"x\"", "[1]", "[[\(bill)]]", "[null]", "\"[\"", "\"\\\"{}\\\"\""])
    func `what cannot be a list is an error and no empty list`(form: String) {
        #expect(throws: PayResultError(field: "assoc_bill_details")) { try decode(["assoc_bill_details": form]) }
        #expect(throws: PayResultError(field: "fund_bill_list")) { try decode(["fund_bill_list": form]) }
    }

    @Test func `a fund's channel may be spelt as notifications spell it`() throws {
        let result = try decode(["fund_bill_list": JSONWriter.string(#"[{"amount":"1.00","fundChannel":"PCREDIT"}]"#)])
        #expect(result.funds == [.init(channel: "PCREDIT", amount: Amount(fen: 100))])
    }

    @Test func `a bill without an id is kept and flagged`() throws {
        let result = try decode([
            "assoc_bill_details": #"[{"bill_entry_amount":1},{"bill_entry_id":7,"bill_entry_amount":1}]"#
        ])
        #expect(result.bills.map(\.id) == ["", "7"] && result.flags == [.billWithoutID])
    }

    // MARK: Money

    @Test(arguments: [("10.21", 1021), ("\"10.21\"", 1021), ("\"10.2\"", 1020), ("10", 1000), ("0.01", 1), ("0", 0)])
    func `amounts come as numbers and as texts`(form: String, fen: Int64) throws {
        #expect(try decode(["total_amount": form]).totalAmount.fen == fen)
    }

    @Test(
        arguments: [
            nil, "null", "\"\"", "1e3", "1E1", "10.210", "-1.00", "\"+1\"", "\" 1\"", "\"1,000.00\"", "\"88.88abc\"",
            "true",
            "[10.21]", "{\"amount\":1}", "\"１\"", "\"NaN\"", "1234567890123456789012",
        ] as [String?])
    func `what is not plain yuan is an error wherever it stands`(form: String?) {
        #expect(throws: PayResultError(field: "total_amount")) { try decode(["total_amount": form]) }
        let member = form.map { ",\"bill_entry_amount\":\($0)" } ?? ""
        #expect(throws: PayResultError(field: "bill_entry_amount")) {
            try decode(["assoc_bill_details": "[{\"bill_entry_id\":\"1\"\(member)}]"])
        }
        let fund = form.map { ",\"amount\":\($0)" } ?? ""
        #expect(throws: PayResultError(field: "amount")) {
            try decode(["fund_bill_list": "[{\"fund_channel\":\"X\"\(fund)}]"])
        }
    }

    // MARK: The other fields

    @Test(arguments: [
        ("WAIT_BUYER_PAY", TradeStatus.waiting, false), ("TRADE_CLOSED", .closed, false),
        ("TRADE_SUCCESS", .success, true), ("TRADE_FINISHED", .finished, true), ("TRADE_SUCCES", .success, true),
        ("TRADE_SUCCE", .unknown("TRADE_SUCCE"), false), ("trade_success", .unknown("trade_success"), false),
        ("TRADE_SUCCESS ", .unknown("TRADE_SUCCESS "), false),
    ])
    func `only success and finished are paid`(word: String, status: TradeStatus, paid: Bool) throws {
        let result = try decode(["trade_status": "\"\(word)\""])
        #expect(result.tradeStatus == status && result.tradeStatus.isPaid == paid)
        #expect(result.flags.contains(.statusMisspelt) == (word == "TRADE_SUCCES"))
        #expect(result.tradeStatus.description == (word == "TRADE_SUCCES" ? "TRADE_SUCCESS" : word))
    }

    @Test(arguments: ["trade_no", "trade_status"], [nil, "null", "\"\"", "\" \"", "[]", "{}", "true", "\"a\\u0000\""])
    func `an answer without number or status is an error`(field: String, form: String?) {
        #expect(throws: PayResultError(field: field)) { try decode([field: form]) }
    }

    @Test(
        arguments: [
            ("\"00\"", "00"), ("\"CJ\"", "CJ"), ("\"YC\"", "YC"), ("0", "00"), ("7", "7"), ("null", nil), (nil, nil),
            ("\"\"", nil),
        ] as [(String?, String?)])
    func `the kind of payment may be a number`(form: String?, type: String?) throws {
        #expect(try decode(["biz_type": form]).bizType == type)
    }

    @Test(
        arguments: [
            ("R|C|H", ["R", "C", "H"]), ("R|C|3|2|1101", ["R", "C", "3|2|1101"]),
            ("R|C|三栋 2|101", ["R", "C", "三栋 2|101"]),
            ("R|C", ["R", "C", nil]), ("R", ["R", nil, nil]), ("|C|", [nil, "C", nil]), ("||", [nil, nil, nil]),
            (nil, [nil, nil, nil]),
        ] as [(String?, [String?])])
    func `the flat is three parts of which the last may contain the separator`(text: String?, parts: [String?]) throws {
        let result = try decode(["biz_entity_id": text.map { "\"\($0)\"" }])
        let entity = result.bizEntity
        #expect([entity.roomID, entity.communityID, entity.householdID] == parts)
        #expect(result.flags.contains(.entityIncomplete) == (parts[2] == nil))
    }

    @Test(
        arguments: [
            ("\"2014-11-27 15:45:57\"", 1_417_074_357, false), ("\"2014-11-27 15:45:57.123\"", 1_417_074_357, false),
            (nil, nil, false), ("null", nil, false), ("\"yesterday\"", nil, true), ("1417074357", nil, true),
        ] as [(String?, Int64?, Bool)])
    func `a time that is none is flagged and stops nothing`(form: String?, seconds: Int64?, flagged: Bool) throws {
        let result = try decode(["gmt_payment": form])
        #expect(result.paidAt == seconds && result.flags.contains(.paidAtUnreadable) == flagged)
    }
}
