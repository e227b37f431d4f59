import Testing
import Wire

@testable import Settlement

/// Files that people make: what is read of them, and how each mistake is told.
@Suite struct RowFileTests {
    private static let columns = ["user_id", "name", "note"]

    /// Reads a text in blocks of `block` bytes.
    private static func entries(
        _ bytes: [UInt8], block: Int = 7, charset: Charset = .utf8, limits: RowFile.Limits = RowFile.Limits()
    ) throws -> [RowFile.Entry] {
        let blocks = Blocks(bytes, size: block)
        var file = try RowFile(
            blocks: { blocks.next() }, columns: columns, required: ["user_id"], charset: charset, limits: limits)
        var entries: [RowFile.Entry] = []
        while let entry = try file.next() { entries.append(entry) }
        return entries
    }

    private static func row(_ line: Int, _ values: String?...) -> RowFile.Entry {
        .row(RowFile.Row(line: line, values: values))
    }

    @Test(arguments: [1, 2, 3, 7, 64, 4096])
    func `CSV is read the same in blocks of any size`(block: Int) throws {
        let text = "\u{FEFF}Note, user_id ,extra,name\r\n\"a, \"\"b\"\"\nc\",1,x,张\r\n\r\n  \n,2,,\"\"\nlast,3,y,李"
        let entries = try Self.entries(Array(text.utf8), block: block)
        #expect(
            entries == [
                Self.row(2, "1", "张", "a, \"b\"\nc"), Self.row(6, "2", nil, nil), Self.row(7, "3", "李", "last"),
            ])
    }

    @Test(arguments: [1, 5, 4096]) func `JSON lines are told by their first character`(block: Int) throws {
        let text = "\n{\"user_id\":\"1\",\"name\":\"张\",\"other\":[1]}\n{\"user_id\":2,\"note\":null}\n"
        #expect(
            try Self.entries(Array(text.utf8), block: block)
                == [Self.row(2, "1", "张", nil), Self.row(3, "2", nil, nil)])
    }

    @Test func `GBK is read, also where a second byte looks like a brace or a backslash`() throws {
        let text = "user_id,name\n1,朶俓閈"
        let bytes = try #require(Charset.gbk.encode(text))
        #expect(bytes.contains(0x5C) || bytes.contains(0x7B) || bytes.contains(0x7C) || bytes.contains(0x7D))
        #expect(try Self.entries(bytes, charset: .gbk) == [Self.row(2, "1", "朶俓閈", nil)])
    }

    @Test(arguments: [
        ("user_id,name\n1,a,b\n2,c\n", 2, nil, "3 fields where the header has 2 columns"),
        ("user_id,name\n1,a\"b\n2,c\n", 2, nil, "a quote"),
        ("user_id,name\n1,\"a\"b\n2,c\n", 2, nil, "text behind the closing quote of field 2"),
        ("user_id,name\n1,\"open\n2,c\n", 2, nil, "a quote that is opened here is not closed"),
        ("user_id,name\n1,a\0b\n2,c\n", 2, nil, "a NUL character"),
        ("user_id,name\n1,\(String(repeating: "x", count: 300))\n2,c\n", 2, nil, "longer than 256 bytes"),
        ("{\"user_id\":\"1\"\n{\"user_id\":\"2\",\"name\":\"c\"}\n", 1, nil, "not a JSON object"),
        ("{\"user_id\":{\"a\":1}}\n{\"user_id\":\"2\",\"name\":\"c\"}\n", 1, "user_id", "a text is expected"),
        ("{\"user_id\":\"1\",\"user_id\":\"3\"}\n{\"user_id\":\"2\",\"name\":\"c\"}\n", 1, nil, "duplicate_key"),
    ])
    func `a bad row is told with its line and reason, and the next one is read`(
        text: String, line: Int, column: String?, reason: String
    ) throws {
        var limits = RowFile.Limits()
        limits.row = 256
        let entries = try Self.entries(Array(text.utf8), limits: limits)
        guard case .problem(let problem) = entries.first else {
            Issue.record("no problem was found: \(entries)")
            return
        }
        #expect(problem.line == line)
        #expect(problem.column == column)
        #expect(problem.reason.contains(reason), "\(problem)")
        #expect(entries.last == Self.row(line + 1, "2", "c", nil))
    }

    @Test func `bytes of another charset are told with the column and what may help`() throws {
        let bytes = Array("user_id,name\n1,".utf8) + [0xD5, 0xC5] + Array("\n2,c\n".utf8)
        let entries = try Self.entries(bytes)
        #expect(
            entries.first
                == .problem(
                    RowProblem(
                        line: 2, column: "name",
                        reason: "bytes that are not utf-8; a file from a Chinese spreadsheet may be GBK")))
        #expect(entries.last == Self.row(3, "2", "c", nil))
    }

    @Test(arguments: [
        ("", "the file is empty"), ("name,note\n1,2\n", "the header has no such column"),
        ("user_id,name,name\n", "names this column twice"),
        (Array(repeating: "c", count: 1_000_000).joined(separator: ","), "longer than 65536 bytes"),
        (Array(repeating: "c", count: 300).joined(separator: ",") + "\n", "more than 256 columns"),
    ])
    func `a header that cannot be used is refused`(text: String, reason: String) {
        let problem = #expect(throws: RowProblem.self) { try Self.entries(Array(text.utf8), block: 65_536) }
        #expect(problem?.reason.contains(reason) == true, "\(String(describing: problem))")
        #expect(problem?.line == 1)
    }

    @Test func `a line without an end costs no more memory than its limit`() throws {
        let endless = Endless(prefix: Array("user_id,name\n1,a\n2,".utf8), length: 8 << 20)
        var file = try RowFile(blocks: { endless.next() }, columns: Self.columns, required: ["user_id"])
        #expect(try file.next() == Self.row(2, "1", "a", nil))
        guard case .problem(let problem)? = try file.next() else {
            Issue.record("the endless line was read")
            return
        }
        #expect(problem == RowProblem(line: 3, reason: "longer than 65536 bytes"))
        #expect(try file.next() == nil)
    }

    @Test(arguments: [
        ("user_id,nmae\n1,a\n", ["line 1, nmae: no column of this name is known; known are user_id, name, note"]),
        ("user_id,,name\n1,,a\n", ["line 1, : no column of this name is known; known are user_id, name, note"]),
        (
            "{\"user_id\":\"1\"}\n{\"user_id\":\"2\",\"nmae\":\"a\"}\n",
            ["line 2, nmae: no member of this name is known"]
        ),
        ("user_id,name\n1,a\n", []),
    ])
    func `a name that nobody knows is a problem where it is told to be one`(text: String, problems: [String]) throws {
        var found: [String] = []
        do {
            var file = try RowFile(Array(text.utf8), columns: Self.columns, refusesUnknown: true)
            while let entry = try file.next() {
                if case .problem(let problem) = entry { found.append(problem.description) }
            }
        } catch let problem as RowProblem {
            found.append(problem.description)
        }
        #expect(found == problems)
    }
}
