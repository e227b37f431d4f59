import Synchronization
import Wire

/// A file of rows that people or their programs made: CSV with a header, or one JSON object a line; UTF-8 or GBK.
///
/// It is read in blocks, so its size does not matter; a row, its fields and their number are bounded, so a hostile file costs
/// no more than a good one. A row that cannot be read is reported with its line and does not spoil the next.
public struct RowFile: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        case csv
        case jsonLines = "jsonl"
    }

    public struct Limits: Sendable, Hashable {
        /// Bytes of one row, line breaks inside quotes included.
        public var row = 64 << 10
        /// Columns of the header, members of an object.
        public var columns = 256
        public init() {}
    }

    /// A row's values of the known columns, in the order in which these were given; nil where the row has none.
    public struct Row: Sendable, Hashable {
        /// The line on which the row begins, from 1.
        public let line: Int
        public let values: [String?]
    }

    public enum Entry: Sendable, Hashable {
        case row(Row)
        case problem(RowProblem)
    }

    public let format: Format
    /// For each known column, whether the file has it. For JSON lines all are taken to be there.
    public let has: [Bool]
    /// Columns of the header that nobody here knows.
    public let ignored: [String]

    private let columns: [String]
    private let charset: Charset
    private let limits: Limits
    private let refusesUnknown: Bool
    private var records: RecordSource
    /// For each column of the file, which known one it is.
    private let places: [Int?]

    /// Reads the header, if there is one.
    ///
    /// - Parameters:
    ///   - blocks: gives the file's bytes, block by block, and then nil.
    ///   - columns: the names that rows may have.
    ///   - required: those of them that a header must have.
    ///   - format: told by the first character when nil: `{` begins JSON lines.
    ///   - refusesUnknown: a column or a member of another name is a problem, for files in which a misspelt name would change
    ///     what a row means. Else it is passed over.
    /// - Throws: ``RowProblem`` when the header cannot be used, and whatever `blocks` throws.
    public init(
        blocks: @escaping @Sendable () throws -> [UInt8]?, columns: [String], required: [String] = [],
        format: Format? = nil, charset: Charset = .utf8, limits: Limits = Limits(), refusesUnknown: Bool = false
    ) throws {
        self.columns = columns
        self.charset = charset
        self.limits = limits
        self.refusesUnknown = refusesUnknown
        var records = RecordSource(blocks: blocks, limit: limits.row)
        let format = try format ?? (records.firstByte() == UInt8(ascii: "{") ? .jsonLines : .csv)
        self.format = format
        switch format {
        case .jsonLines:
            places = []
            has = columns.map { _ in true }
            ignored = []
        case .csv:
            let header = try Self.header(&records, charset, limits)
            places = header.map { name in columns.firstIndex(of: name) }
            has = columns.map(header.contains)
            ignored = header.filter { !columns.contains($0) }
            if refusesUnknown, let unknown = ignored.first {
                throw RowProblem(
                    line: 1, column: String(unknown.prefix(64)),
                    reason: "no column of this name is known; known are \(columns.joined(separator: ", "))")
            }
            if let missing = required.first(where: { !header.contains($0) }) {
                throw RowProblem(
                    line: 1, column: missing,
                    reason: "the header has no such column; it needs \(required.joined(separator: ", ")) "
                        + "and may have \(columns.filter { !required.contains($0) }.joined(separator: ", "))")
            }
        }
        self.records = records
    }

    /// A file that is in memory already.
    public init(
        _ bytes: [UInt8], columns: [String], required: [String] = [], format: Format? = nil, charset: Charset = .utf8,
        limits: Limits = Limits(), refusesUnknown: Bool = false
    ) throws {
        let rest = Mutex<[UInt8]?>(bytes)
        try self.init(
            blocks: { rest.withLock { $0.take() } }, columns: columns, required: required, format: format,
            charset: charset, limits: limits, refusesUnknown: refusesUnknown)
    }

    private static func header(
        _ records: inout RecordSource, _ charset: Charset, _ limits: Limits
    ) throws -> [String] {
        guard let record = try records.nextRecord(quoted: true) else {
            throw RowProblem(line: 1, reason: "the file is empty; the first line of a CSV file names its columns")
        }
        let fields: [ArraySlice<UInt8>]
        switch record {
        case .problem(let problem): throw problem
        case .bytes(let line, let bytes):
            fields = try CSVFields.split(bytes, line: line, most: limits.columns)
        }
        var names: [String] = []
        for (index, field) in fields.enumerated() {
            guard let text = charset.decode(CSVFields.unquoted(field)) else {
                throw RowProblem(line: 1, reason: "column \(index + 1) of the header is not \(charset)")
            }
            let name = text.trimmed.lowercased()
            if !name.isEmpty, names.contains(name) {
                throw RowProblem(line: 1, column: name, reason: "the header names this column twice")
            }
            names.append(name)
        }
        return names
    }

    // MARK: Rows

    /// The next row or the next problem; nil at the end of the file. Blank lines are passed over.
    ///
    /// - Throws: what the source of the blocks throws.
    public mutating func next() throws -> Entry? {
        guard let record = try records.nextRecord(quoted: format == .csv) else { return nil }
        switch record {
        case .problem(let problem): return .problem(problem)
        case .bytes(let line, let bytes):
            do throws(RowProblem) {
                let values = try format == .csv ? csvValues(bytes, line) : jsonValues(bytes, line)
                return .row(Row(line: line, values: values))
            } catch {
                return .problem(error)
            }
        }
    }

    private func csvValues(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(RowProblem) -> [String?] {
        let fields = try CSVFields.split(bytes, line: line, most: limits.columns)
        guard fields.count == places.count else {
            throw RowProblem(line: line, reason: "\(fields.count) fields where the header has \(places.count) columns")
        }
        var values = [String?](repeating: nil, count: columns.count)
        for (field, place) in zip(fields, places) {
            guard let place else { continue }
            guard let text = charset.decode(CSVFields.unquoted(field)) else { throw undecodable(line, columns[place]) }
            let value = text.trimmed
            values[place] = value.isEmpty ? nil : value
        }
        return values
    }

    private func jsonValues(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(RowProblem) -> [String?] {
        guard let text = charset.decode(bytes) else { throw undecodable(line, nil) }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONScanner.value(of: Array(text.utf8))
        } catch {
            throw RowProblem(line: line, reason: "not a JSON object: \(error)")
        }
        guard case .object(let object) = value else {
            throw RowProblem(line: line, reason: "each line is one JSON object")
        }
        guard object.members.count <= limits.columns else {
            throw RowProblem(line: line, reason: "more than \(limits.columns) members")
        }
        var values = [String?](repeating: nil, count: columns.count)
        for member in object.members {
            guard let place = columns.firstIndex(of: member.key) else {
                guard refusesUnknown else { continue }
                throw RowProblem(
                    line: line, column: String(member.key.prefix(64)), reason: "no member of this name is known")
            }
            switch member.value {
            case .null: break
            case .string(let text), .number(let text): values[place] = text.trimmed.isEmpty ? nil : text.trimmed
            case .bool, .array, .object:
                throw RowProblem(line: line, column: member.key, reason: "a text is expected")
            }
        }
        return values
    }

    private func undecodable(_ line: Int, _ column: String?) -> RowProblem {
        let hint = charset == .utf8 ? "; a file from a Chinese spreadsheet may be GBK" : ""
        return RowProblem(line: line, column: column, reason: "bytes that are not \(charset)\(hint)")
    }
}

/// What is wrong with one row: where, and why. It never repeats the value, which may be personal.
public struct RowProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// From 1; where the row begins.
    public let line: Int
    public let column: String?
    public let reason: String

    public init(line: Int, column: String? = nil, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason
    }

    public var description: String { "line \(line)\(column.map { ", \($0)" } ?? ""): \(reason)" }
}

extension String {
    /// Without blanks, tabs and line breaks around it. Most values have none, and are not copied.
    fileprivate var trimmed: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D }
        guard let first = utf8.first, let last = utf8.last, isBlank(first) || isBlank(last) else { return self }
        let inner = utf8.drop(while: isBlank)
        let end = inner.lastIndex { !isBlank($0) }.map(inner.index(after:)) ?? inner.startIndex
        return String(inner[..<end]) ?? ""
    }
}
