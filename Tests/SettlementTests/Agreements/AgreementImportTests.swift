import Postgres
import TestSupport
import Testing
import Wire

@testable import Settlement

/// Imports into a real database: what is kept, what is not, and what is said about it.
@Suite(.database) struct AgreementImportTests {
    private static let app = "2021000000000001"
    private static let header =
        "user_id,agreement_id,biz_type,sub_biz_type,charge_inst,bill_key,out_agreement_id,sign_date\n"

    private func run(
        _ text: String, isPartial: Bool = false, isRehearsal: Bool = false
    ) async throws -> AgreementImport.Report {
        let connection = try await TestDatabase.current.connect()
        defer { Task { await connection.close() } }
        let blocks = Blocks(text)
        let file = try RowFile(
            blocks: { blocks.next() }, columns: AgreementRecord.columns, required: ["user_id"])
        return try await AgreementImport(appID: Self.app, isPartial: isPartial, isRehearsal: isRehearsal)
            .run(file, on: connection)
    }

    private func stored() async throws -> [String] {
        let connection = try await TestDatabase.current.connect()
        defer { Task { await connection.close() } }
        return try await connection.query(
            Statement(
                "test.agreements",
                """
                SELECT concat_ws('|', user_id, agreement_id, biz_type, sub_biz_type, charge_inst, bill_key,
                                 out_agreement_id, sign_date) AS line
                FROM settled.agreements ORDER BY line
                """)
        ).map { try $0.text("line") }
    }

    private static let good =
        header + "2088000000000001,A1,JF,WATER,HZYHWATER,001,OUT1,2016-02-03 18:00:00\n"
        + "2088000000000002,,WUYE,WUYE,PROPERTY,002,,\n"

    @Test func `importing a file twice changes nothing the second time`() async throws {
        let first = try await run(Self.good)
        #expect((first.rows, first.inserted, first.unchanged, first.isKept) == (2, 2, 0, true))
        let second = try await run(Self.good)
        #expect((second.inserted, second.updated, second.unchanged) == (0, 0, 2))
        #expect(
            try await stored() == [
                "2088000000000001|A1|JF|WATER|HZYHWATER|001|OUT1|2016-02-03 18:00:00",
                "2088000000000002|WUYE|WUYE|PROPERTY|002",
            ])
    }

    @Test func `a column that the file lacks is left as it stands`() async throws {
        _ = try await run(Self.good)
        let report = try await run("agreement_id,user_id,sign_date\nA1,2088000000000001,2016-02-04 18:00:00\n")
        #expect((report.updated, report.inserted) == (1, 0))
        #expect(
            try await stored().first == "2088000000000001|A1|JF|WATER|HZYHWATER|001|OUT1|2016-02-04 18:00:00")
    }

    @Test func `one bad row keeps a whole file out, unless the good ones are asked for`() async throws {
        let text = Self.good + "2088000000000003,,JF,WATER,HZYHWATER,,,\n"
        let whole = try await run(text)
        #expect((whole.refused, whole.isKept, whole.inserted) == (1, false, 0))
        #expect(try await stored().isEmpty)
        let partial = try await run(text, isPartial: true)
        #expect((partial.refused, partial.isKept, partial.inserted) == (1, true, 2))
        #expect(partial.problems.first?.line == 4)
        #expect(partial.problems.first?.column == "bill_key")
    }

    @Test func `a rehearsal says the same and keeps nothing`() async throws {
        let report = try await run(Self.good, isRehearsal: true)
        #expect((report.inserted, report.isKept) == (2, false))
        #expect(try await stored().isEmpty)
    }

    @Test func `the same row again is counted, a contradicting one is refused with both lines`() async throws {
        let again = "2088000000000001,A1,JF,WATER,HZYHWATER,001,OUT1,2016-02-03 18:00:00\n"
        let equal = try await run(Self.good + again)
        #expect((equal.duplicates, equal.refused, equal.inserted) == (1, 0, 2))
        let other = "2088000000000001,A1,JF,WATER,HZYHWATER,001,OUT9,2016-02-03 18:00:00\n"
        let different = try await run(Self.good + again + other)
        #expect((different.duplicates, different.refused, different.isKept) == (1, 1, false))
        #expect(
            different.problems == [
                RowProblem(line: 5, reason: "the same agreement as line 2, but not the same values")
            ])
    }

    @Test func `many problems are all counted and few are shown`() async throws {
        let text = Self.header + String(repeating: "x,A,JF,WATER,I,1,,\n", count: 500)
        let report = try await run(text)
        #expect(report.refused == 500)
        #expect(report.problems.count == AgreementImport.shownProblems)
    }

    @Test func `more rows than one COPY takes come through in order`() async throws {
        let count = AgreementImport.part + 1
        let rows = (0..<count).map { "\(2_088_000_000_000_000 + $0),A\($0)\n" }.joined()
        let report = try await run("user_id,agreement_id\n" + rows)
        #expect(report.inserted == count)
        #expect(report.rows == count)
    }

    @Test(arguments: [
        ("208800000000000,A1,,,,,,", "user_id", "16 digits"), ("2.08802E+15,A1,,,,,,", "user_id", "spreadsheet"),
        (",A1,,,,,,", "user_id", "missing"), ("2088000000000001,,,,,,,", "biz_type", "all of"),
        ("2088000000000001,A1,XX,,,,,", "biz_type", "one of JF"),
        ("2088000000000001,A1,,HEAT,,,,", "sub_biz_type", "one of WATER"),
        ("2088000000000001,\(String(repeating: "1", count: 33)),,,,,,", "agreement_id", "longer than 32"),
        ("2088000000000001,A1,,,,\(String(repeating: "1", count: 51)),,", "bill_key", "longer than 50"),
        ("2088000000000001,A1,,,,,\(String(repeating: "1", count: 51)),", "out_agreement_id", "longer than 50"),
        ("2088000000000001,A1,,,,,,\"a\u{7}\"", "sign_date", "control characters"),
    ])
    func `each rule of the page is told with line, column and reason`(
        row: String, column: String, reason: String
    ) throws {
        let blocks = Blocks(Self.header + row + "\n")
        var file = try RowFile(blocks: { blocks.next() }, columns: AgreementRecord.columns)
        guard case .row(let read)? = try file.next() else {
            Issue.record("the row was not read")
            return
        }
        let problem = #expect(throws: RowProblem.self) { try AgreementRecord(read) }
        #expect(problem?.line == 2)
        #expect(problem?.column == column)
        #expect(problem?.reason.contains(reason) == true, "\(String(describing: problem))")
    }
}
