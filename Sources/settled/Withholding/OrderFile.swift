import Settlement
import Taobao
import Wire

/// Withholding orders that somebody wrote into a file: CSV with a header, or one JSON object a line.
///
/// What is wrong with a line is said with its line, its column and the reason, for every line; nothing is taken from a file
/// that has one.
enum OrderFile {
    /// A file of this size has hundreds of thousands of orders.
    static let mostBytes = 64 << 20

    struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// From 1.
        let line: Int
        let column: String
        let reason: String

        var description: String { "line \(line), \(column): \(reason)" }
    }

    struct Unreadable: Error, Sendable {
        let problems: [Problem]
    }

    static func orders(in text: String) throws(Unreadable) -> [WithholdingOrder] {
        let isJSON = text.first { !$0.isWhitespace } == "{"
        return try isJSON ? jsonLines(text) : csv(text)
    }

    // MARK: JSON lines

    private static func jsonLines(_ text: String) throws(Unreadable) -> [WithholdingOrder] {
        var gathering = Gathering()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !$0.isWhitespace }) {
            guard let json = try? JSONValue(parsing: Array(line.utf8)) else {
                gathering.note(index + 1, "the line", "it is no JSON object")
                continue
            }
            gathering.add(index + 1) { () throws(InvalidOrder) in try WithholdingOrder(json: json) }
        }
        return try gathering.result()
    }

    // MARK: CSV

    private static func csv(_ text: String) throws(Unreadable) -> [WithholdingOrder] {
        var gathering = Gathering()
        let rows: [CSVText.Row]
        do throws(CSVText.Malformed) {
            rows = try CSVText.rows(of: text)
        } catch {
            gathering.note(error.line, "the line", error.reason)
            throw Unreadable(problems: gathering.problems)
        }
        guard let header = rows.first else {
            gathering.note(1, "the header", "the file is empty; biz_order_id,pay_biz_code is expected")
            throw Unreadable(problems: gathering.problems)
        }
        let known = ["biz_order_id", "pay_biz_code"]
        for name in known where header.fields.count(where: { $0 == name }) != 1 {
            gathering.note(header.line, name, "the header must have this column, once")
        }
        for name in header.fields where !known.contains(name) {
            gathering.note(header.line, "\"\(name.prefix(64))\"", "no column of this name is known")
        }
        guard gathering.problems.isEmpty, let id = header.fields.firstIndex(of: known[0]),
            let code = header.fields.firstIndex(of: known[1])
        else { throw Unreadable(problems: gathering.problems) }
        for row in rows.dropFirst() {
            guard row.fields.count == header.fields.count else {
                gathering.note(
                    row.line, "the line", "it has \(row.fields.count) fields, the header has \(header.fields.count)")
                continue
            }
            gathering.add(row.line) { () throws(InvalidOrder) in
                try WithholdingOrder(bizOrderID: row.fields[id], payBizCode: row.fields[code])
            }
        }
        return try gathering.result()
    }

    // MARK: Gathering

    private struct Gathering {
        /// More are not told: nobody reads them.
        static let mostProblems = 100
        private var orders: [WithholdingOrder] = []
        private(set) var problems: [Problem] = []

        mutating func note(_ line: Int, _ column: String, _ reason: String) {
            if problems.count < Self.mostProblems {
                problems.append(Problem(line: line, column: column, reason: reason))
            }
        }

        mutating func add(_ line: Int, _ read: () throws(InvalidOrder) -> WithholdingOrder) {
            do throws(InvalidOrder) {
                orders.append(try read())
            } catch {
                note(line, error.field, error.reason)
            }
        }

        func result() throws(Unreadable) -> [WithholdingOrder] {
            guard problems.isEmpty else { throw Unreadable(problems: problems) }
            return orders
        }
    }
}
