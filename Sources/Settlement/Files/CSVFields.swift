/// The fields of one CSV record (RFC 4180), by their bytes.
enum CSVFields {
    /// Cuts a record at its commas. A field that begins with a quote ends with one.
    ///
    /// - Throws: a ``RowProblem`` for quotes in the wrong place and for more than `most` fields.
    static func split(
        _ record: ArraySlice<UInt8>, line: Int, most: Int
    ) throws(RowProblem) -> [ArraySlice<UInt8>] {
        var fields: [ArraySlice<UInt8>] = []
        var start = record.startIndex
        while true {
            guard fields.count < most else { throw RowProblem(line: line, reason: "more than \(most) columns") }
            let end = try endOfField(record, from: start, line: line, number: fields.count + 1)
            fields.append(record[start..<end])
            if end == record.endIndex { return fields }
            start = end + 1
        }
    }

    private static func endOfField(
        _ record: ArraySlice<UInt8>, from start: Int, line: Int, number: Int
    ) throws(RowProblem) -> Int {
        var index = start
        guard index < record.endIndex, record[index] == quote else {
            while index < record.endIndex, record[index] != comma {
                if record[index] == quote {
                    throw RowProblem(
                        line: line, reason: "a quote inside field \(number), which does not begin with one")
                }
                index += 1
            }
            return index
        }
        index += 1
        while index < record.endIndex {
            if record[index] == quote {
                guard index + 1 < record.endIndex, record[index + 1] == quote else { break }
                index += 1
            }
            index += 1
        }
        guard index < record.endIndex else {
            throw RowProblem(line: line, reason: "the quote of field \(number) is not closed")
        }
        let end = index + 1
        guard end == record.endIndex || record[end] == comma else {
            throw RowProblem(line: line, reason: "text behind the closing quote of field \(number)")
        }
        return end
    }

    /// The bytes that a field stands for: without its quotes, doubled ones halved.
    static func unquoted(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard field.first == quote, field.count >= 2 else { return field }
        let inside = field.dropFirst().dropLast()
        guard inside.contains(quote) else { return inside }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(inside.count)
        var wasQuote = false
        for byte in inside {
            if byte == quote, !wasQuote {
                wasQuote = true
                continue
            }
            wasQuote = false
            bytes.append(byte)
        }
        return bytes[...]
    }

    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
}
