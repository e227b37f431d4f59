/// Cuts a stream of bytes into records: lines, or lines joined where a CSV field in quotes goes over several.
///
/// All bytes that matter (comma, quote, line feed) are below 0x40, where GBK's second bytes begin, so cutting before decoding
/// is safe in either charset.
struct RecordSource: Sendable {
    enum Record: Sendable {
        /// A record without its line break, and the line on which it begins.
        case bytes(line: Int, ArraySlice<UInt8>)
        case problem(RowProblem)
    }

    private let blocks: @Sendable () throws -> [UInt8]?
    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the unread part begins.
    private var start = 0
    private var line = 1
    private var isAtEnd = false
    private var hasBegun = false

    init(blocks: @escaping @Sendable () throws -> [UInt8]?, limit: Int) {
        self.blocks = blocks
        self.limit = limit
    }

    /// The first byte that is not a blank, without reading past it; nil for an empty file.
    mutating func firstByte() throws -> UInt8? {
        try begin()
        while true {
            if let byte = buffer[start...].first(where: { $0 > 0x20 }) { return byte }
            // A file of blanks must not be gathered whole.
            guard buffer.count - start <= limit, try fill() else { return nil }
        }
    }

    /// - Parameter quoted: quotes keep a record together over line breaks.
    mutating func nextRecord(quoted: Bool) throws -> Record? {
        try begin()
        while true {
            switch Self.scan(buffer, from: start, quoted: quoted, limit: limit) {
            case .record(let end, let next, let lines):
                let (first, bytes) = (line, buffer[start..<end])
                start = next
                line += lines
                if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
                if bytes.contains(0) { return .problem(RowProblem(line: first, reason: "a NUL character")) }
                return .bytes(line: first, bytes)
            case .more:
                if try fill() { continue }
                guard start < buffer.count else { return nil }
                // The last line need not end with a line break.
                let rest = buffer[start...]
                let isOpen = quoted && rest.count(where: { $0 == UInt8(ascii: "\"") }) % 2 == 1
                if isOpen { return .problem(try skipLine("a quote that is opened here is not closed")) }
                buffer.append(UInt8(ascii: "\n"))
            case .tooLong(let isOpen):
                return .problem(
                    try skipLine(
                        isOpen
                            ? "a quote that is opened here is not closed within \(limit) bytes"
                            : "longer than \(limit) bytes"))
            }
        }
    }

    // MARK: Scanning

    private enum Found {
        case record(end: Int, next: Int, lines: Int)
        case more
        case tooLong(isOpen: Bool)
    }

    private static func scan(_ buffer: [UInt8], from start: Int, quoted: Bool, limit: Int) -> Found {
        buffer.withUnsafeBufferPointer { bytes in
            var isOpen = false
            var lines = 0
            var index = start
            let last = min(bytes.count, start + limit + 1)
            while index < last {
                let byte = bytes[index]
                if byte == UInt8(ascii: "\n") {
                    lines += 1
                    if !isOpen {
                        let end = index > start && bytes[index - 1] == UInt8(ascii: "\r") ? index - 1 : index
                        return .record(end: end, next: index + 1, lines: lines)
                    }
                } else if byte == UInt8(ascii: "\""), quoted {
                    isOpen.toggle()
                }
                index += 1
            }
            return index - start > limit ? .tooLong(isOpen: isOpen) : .more
        }
    }

    /// Passes over the rest of the line on which a bad record begins, however long it is.
    private mutating func skipLine(_ reason: String) throws -> RowProblem {
        let problem = RowProblem(line: line, reason: reason)
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                start = end + 1
                line += 1
                return problem
            }
            start = buffer.count
            guard try fill() else { return problem }
        }
    }

    private mutating func begin() throws {
        guard !hasBegun else { return }
        hasBegun = true
        while buffer.count < 3, try fill() {}
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
    }

    /// Reads another block behind what is unread; false at the end of the file.
    private mutating func fill() throws -> Bool {
        guard !isAtEnd, let block = try blocks(), !block.isEmpty else {
            isAtEnd = true
            return false
        }
        buffer.removeSubrange(..<start)
        start = 0
        buffer.append(contentsOf: block)
        return true
    }
}
