import Taobao
import Testing

@testable import settled

@Suite struct OrderFileTests {
    private static func read(_ text: String) -> (orders: [String], problems: [String]) {
        do throws(OrderFile.Unreadable) {
            return (try OrderFile.orders(in: text).map(\.description), [])
        } catch {
            return ([], error.problems.map(\.description))
        }
    }

    static let accepted: [(text: String, orders: [String])] = [
        ("biz_order_id,pay_biz_code\n1,R1\n2,R2\n", ["R1 1", "R2 2"]),
        ("pay_biz_code,biz_order_id\r\nR1,\"1\"\r\n\r\nR1,\"2,\"\"3\"", ["R1 1", "R1 2,\"3"]),
        ("\u{FEFF}biz_order_id,pay_biz_code\n订单1,R1", ["R1 订单1"]), ("biz_order_id,pay_biz_code\n", []),
        (
            "{\"biz_order_id\":\"1\",\"pay_biz_code\":\"R1\"}\n\n{\"pay_biz_code\":\"R1\",\"biz_order_id\":\"2\"}",
            ["R1 1", "R1 2"]
        ),
        ("\n  {\"biz_order_id\":\"1\",\"pay_biz_code\":\"R1\"}", ["R1 1"]),
    ]

    @Test(arguments: accepted)
    func `orders are read from CSV and from JSON lines`(text: String, orders: [String]) {
        let read = Self.read(text)
        #expect(read.orders == orders && read.problems.isEmpty, "\(read.problems)")
    }

    static let refused: [(text: String, problems: [String])] = [
        ("", ["line 1, the header: the file is empty; biz_order_id,pay_biz_code is expected"]),
        (
            "biz_order_id,code\n1,R1",
            [
                "line 1, pay_biz_code: the header must have this column, once",
                "line 1, \"code\": no column of this name is known",
            ]
        ),
        (
            "biz_order_id,biz_order_id,pay_biz_code\n",
            ["line 1, biz_order_id: the header must have this column, once"]
        ),
        (
            "biz_order_id,pay_biz_code\n1,R1\n,R1\n3,R 1\n4\n5,R1,x",
            [
                "line 3, biz_order_id: 1 to 128 bytes are expected",
                "line 4, pay_biz_code: 1 to 16 letters, digits or _ are expected, such as R1",
                "line 5, the line: it has 1 fields, the header has 2",
                "line 6, the line: it has 3 fields, the header has 2",
            ]
        ),
        ("biz_order_id,pay_biz_code\n1,\"R1", ["line 2, the line: a quoted field does not end"]),
        (
            "biz_order_id,pay_biz_code\n\n1,\"R1\"x\n",
            ["line 3, the line: there is text behind a quoted field, or a CR without LF"]
        ),
        (
            "biz_order_id,pay_biz_code\n1\"2,R1\n",
            ["line 2, the line: there is a quote inside a field that does not begin with one"]
        ),
        (
            "{\"biz_order_id\":\"1\",\"pay_biz_code\":\"R1\"}\n{\"biz_order_id\":1,\"pay_biz_code\":\"R1\"}\n{}\nx\n{\"a\":1}",
            [
                "line 2, biz_order_id: a string is expected", "line 3, biz_order_id: a string is expected",
                "line 4, the line: it is no JSON object", "line 5, a: no member of this name is known",
            ]
        ),
    ]

    @Test(arguments: refused)
    func `every mistake is said with its line, its column and the reason`(text: String, problems: [String]) {
        let read = Self.read(text)
        #expect(read.problems == problems && read.orders.isEmpty)
    }

    @Test func `a hundred mistakes are told and no more`() {
        let text = "biz_order_id,pay_biz_code\n" + String(repeating: ",R1\n", count: 500)
        #expect(Self.read(text).problems.count == 100)
    }
}
