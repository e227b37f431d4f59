/// Comma-separated values as RFC 4180 has them: fields may be quoted, a quote inside is doubled, lines end with LF or CRLF.
/// Empty lines are passed over, and a byte order mark, as spreadsheets write it, is not part of the first field.
enum CSVText {
    struct Row: Sendable, Hashable {
        /// Where it begins, from 1.
        let line: Int
        let fields: [String]
    }

    struct Malformed: Error, Sendable {
        let line: Int
        let reason: String
    }

    static func rows(of text: String) throws(Malformed) -> [Row] {
        var reader = Reader(bytes: Array(text.utf8))
        var rows: [Row] = []
        while let row = try reader.row() {
            if row.fields != [""] { rows.append(row) }
        }
        return rows
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0
        var line = 1

        init(bytes: [UInt8]) {
            self.bytes = bytes
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
        }

        mutating func row() throws(Malformed) -> Row? {
            guard at < bytes.count else { return nil }
            let start = line
            var fields: [String] = []
            while true {
                fields.append(try field())
                guard at < bytes.count, bytes[at] == UInt8(ascii: ",") else { break }
                at += 1
            }
            if at < bytes.count {
                if bytes[at] == 0x0D { at += 1 }
                guard at < bytes.count, bytes[at] == 0x0A else {
                    throw Malformed(line: line, reason: "there is text behind a quoted field, or a CR without LF")
                }
                at += 1
                line += 1
            }
            return Row(line: start, fields: fields)
        }

        private mutating func field() throws(Malformed) -> String {
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { return try bare() }
            let start = line
            at += 1
            var text: [UInt8] = []
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                if byte == UInt8(ascii: "\"") {
                    guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
                        return String(decoding: text, as: UTF8.self)
                    }
                    at += 1
                } else if byte == 0x0A {
                    line += 1
                }
                text.append(byte)
            }
            throw Malformed(line: start, reason: "a quoted field does not end")
        }

        private mutating func bare() throws(Malformed) -> String {
            let start = at
            while at < bytes.count, ![UInt8(ascii: ","), 0x0A, 0x0D].contains(bytes[at]) {
                guard bytes[at] != UInt8(ascii: "\"") else {
                    throw Malformed(line: line, reason: "there is a quote inside a field that does not begin with one")
                }
                at += 1
            }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }
    }
}
