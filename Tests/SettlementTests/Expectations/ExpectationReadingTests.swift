import Testing
import Wire

@testable import Settlement

/// What may be expected, and how each mistake is told.
@Suite struct ExpectationReadingTests {
    private typealias House = ExpectationHouse

    private static func read(
        _ fields: [ExpectationField: String], _ terms: ExpectationTerms = House.terms
    ) -> Result<Expected, InvalidExpectation> {
        do throws(InvalidExpectation) {
            return .success(try Expected(fields, terms))
        } catch {
            return .failure(error)
        }
    }

    @Test func `a payment gets the only app and the usual grace, and what is given stands`() throws {
        let short = Expected.payment(.init(.tradeNo("T1"), appID: TestHouse.appID, wait: .seconds(600)))
        #expect(try Self.read([.tradeNo: "T1"]).get() == short)
        let long = Expected.payment(
            .init(
                .queryToken("2GjV8Z/WuK/GgLdt1Lgd0DLcdhfBYzR8G16bm6wqY9o="), appID: TestHouse.appID,
                sellerID: TestHouse.sellerID, wait: .zero))
        let fields: [ExpectationField: String] = [
            .queryToken: "2GjV8Z/WuK/GgLdt1Lgd0DLcdhfBYzR8G16bm6wqY9o=", .appID: TestHouse.appID,
            .sellerID: TestHouse.sellerID, .afterSeconds: "0",
        ]
        #expect(try Self.read(fields).get() == long)
    }

    @Test func `a bill is due at the end of its day in China`() throws {
        guard case .bill(let bill) = try House.bill("0001 甲", due: "2028-02-29", fen: 1021) else { return }
        #expect(bill.amount?.fen == 1021 && bill.due.text == "2028-02-29")
        #expect(ShanghaiTime.format(unixSeconds: bill.due.endsAt) == "2028-03-01 00:00:00")
    }

    private static let bill: [ExpectationField: String] = [
        .billEntryID: "1", .communityID: "C1", .due: "2026-12-31",
    ]
    static let refused: [(fields: [ExpectationField: String], field: ExpectationField, reason: String)] = [
        ([:], .tradeNo, "exactly one of"), ([.sellerID: "1"], .tradeNo, "exactly one of"),
        ([.tradeNo: "T", .queryToken: "Q"], .queryToken, "exactly one of"),
        ([.tradeNo: "T", .billEntryID: "1"], .billEntryID, "exactly one of"),
        ([.tradeNo: ""], .tradeNo, "1 to 64 bytes"),
        ([.tradeNo: String(repeating: "1", count: 65)], .tradeNo, "1 to 64 bytes"),
        ([.tradeNo: "T 1"], .tradeNo, "blanks"), ([.tradeNo: "T\u{1F}1"], .tradeNo, "blanks"),
        ([.queryToken: "Q\n"], .queryToken, "blanks"), ([.queryToken: "Q\u{0}"], .queryToken, "blanks"),
        ([.tradeNo: "T", .appID: "2021000000000009"], .appID, "no such app"),
        ([.tradeNo: "T", .sellerID: "2088999999999999"], .sellerID, "no configured merchant"),
        ([.tradeNo: "T", .sellerID: "x"], .sellerID, "digits"),
        ([.tradeNo: "T", .afterSeconds: "-1"], .afterSeconds, "whole number"),
        ([.tradeNo: "T", .afterSeconds: "1.5"], .afterSeconds, "whole number"),
        ([.tradeNo: "T", .afterSeconds: "31536001"], .afterSeconds, "whole number"),
        ([.tradeNo: "T", .afterSeconds: "99999999999999999999"], .afterSeconds, "whole number"),
        ([.tradeNo: "T", .due: "2026-12-31"], .due, "belongs to a bill"),
        ([.tradeNo: "T", .amount: "1"], .amount, "belongs to a bill"),
        (bill.merging([.appID: "1"]) { $1 }, .appID, "belongs to a payment"),
        (bill.merging([.afterSeconds: "1"]) { $1 }, .afterSeconds, "belongs to a payment"),
        ([.billEntryID: "1", .due: "2026-12-31"], .communityID, "needed"),
        ([.billEntryID: "1", .communityID: "C1"], .due, "a date"),
        (bill.merging([.due: "2026-02-29"]) { $1 }, .due, "a date"),
        (bill.merging([.due: "2026-2-9"]) { $1 }, .due, "a date"),
        (bill.merging([.due: "31.12.2026"]) { $1 }, .due, "a date"),
        (bill.merging([.amount: "0"]) { $1 }, .amount, "yuan"),
        (bill.merging([.amount: "1,5"]) { $1 }, .amount, "yuan"),
        (bill.merging([.amount: "1.005"]) { $1 }, .amount, "yuan"),
        (bill.merging([.billEntryID: "a\tb"]) { $1 }, .billEntryID, "control"),
    ]

    @Test(arguments: refused)
    func `what cannot be meant is refused with its field and the reason`(
        fields: [ExpectationField: String], field: ExpectationField, reason: String
    ) {
        guard case .failure(let invalid) = Self.read(fields) else {
            Issue.record("\(fields) was taken")
            return
        }
        #expect(invalid.field == field && invalid.reason.contains(reason), "\(invalid)")
    }

    @Test func `nobody's token is guessed: several merchants need the seller named, or a source that says whose it is`()
        throws
    {
        let other = Merchant(sellerID: "2088000000000003", appID: TestHouse.appID)
        var terms = House.terms
        terms.merchants = Merchants([TestHouse.merchant, other])
        #expect(throws: InvalidExpectation.self) { try Self.read([.tradeNo: "T"], terms).get() }
        #expect(throws: Never.self) { try Self.read([.tradeNo: "T", .sellerID: other.sellerID], terms).get() }
        terms.apps[TestHouse.appID] = .some(other.sellerID)
        #expect(throws: Never.self) { try Self.read([.tradeNo: "T"], terms).get() }
        terms.apps["2021000000000002"] = .some(nil)
        #expect(throws: InvalidExpectation(.appID, "needed, since several apps are configured") as InvalidExpectation) {
            try Self.read([.tradeNo: "T"], terms).get()
        }
    }

    @Test func `a request has one expectation or a list, and says where it is wrong`() throws {
        func read(_ text: String) -> String {
            do throws(InvalidRequest) {
                return "\(try ExpectationRequest(parsing: Array(text.utf8), House.terms).expectations.count)"
            } catch {
                return error.detail
            }
        }
        #expect(read(#"{"trade_no":"T1","after_seconds":60,"seller_id":null}"#) == "1")
        #expect(read(#"{"items":[{"trade_no":"T1"},{"query_token":"Q"}]}"#) == "2")
        for (text, detail) in [
            ("[]", "the body is no JSON object"), (#"{"items":[]}"#, "items: an array of 1 to 1000"),
            (#"{"items":[1]}"#, "items[0].a JSON object"), (#"{"items":[{"trade_no":"T"}],"x":1}"#, "items: an array"),
            (#"{"trade":"T"}"#, "trade: no member of this name"),
            (#"{"trade_no":1}"#, "trade_no: a string"),
            (#"{"trade_no":"T","after_seconds":"60"}"#, "after_seconds: a whole"),
            (#"{"trade_no":"T","after_seconds":1e2}"#, "after_seconds: a whole"),
            (
                #"{"items":[{"trade_no":"T"},{"bill_entry_id":"1","community_id":"C","due":"x"}]}"#,
                "items[1].due: a date"
            ),
            (#"{"bill_entry_id":"1","community_id":"C","due":"2026-12-31","amount":10.21}"#, "amount: a string"),
        ] {
            #expect(read(text).hasPrefix(detail), "\(text): \(read(text))")
        }
    }
}
