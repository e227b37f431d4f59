import Glibc

/// The parameters of one call in libpq's shape: one buffer with every value, and for each its place, length, type and form.
struct EncodedParameters {
    private(set) var types: [UInt32] = []
    private var bytes: [UInt8] = []
    /// Where a value begins in `bytes`; nil is NULL.
    private var starts: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    private static let textFormat: Int32 = 0
    private static let binaryFormat: Int32 = 1

    init(_ parameters: [Parameter], of statement: String) throws(PostgresError) {
        guard parameters.count <= Int(UInt16.max) else {
            throw PostgresError(
                .invalidParameter, "the protocol takes 65535 parameters, not \(parameters.count); pass arrays",
                statement: statement)
        }
        for (index, parameter) in parameters.enumerated() {
            do throws(Unsendable) {
                try append(parameter)
            } catch {
                throw PostgresError(.invalidParameter, "parameter $\(index + 1) \(error.why)", statement: statement)
            }
        }
    }

    /// Lends the pointers that libpq's `PQsend…` functions take; they copy before they return.
    func withPointers<T>(
        _ body: (
            _ count: Int32, _ types: UnsafePointer<UInt32>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> T
    ) -> T {
        bytes.withUnsafeBytes { raw in
            let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
            // An empty value needs a pointer too: libpq takes nil for NULL. The buffer is never empty then, see `append`.
            let values = starts.map { start in start.flatMap { offset in base.map { $0 + offset } } }
            return values.withUnsafeBufferPointer { values in
                body(Int32(values.count), types, values.baseAddress, lengths, formats)
            }
        }
    }

    private struct Unsendable: Error {
        let why: String
    }

    private mutating func append(_ parameter: Parameter) throws(Unsendable) {
        switch parameter {
        case .null:
            types.append(TypeOID.unspecified)
            starts.append(nil)
            lengths.append(0)
            formats.append(Self.binaryFormat)
        case .text(let value):
            try refuseNUL(value)
            types.append(TypeOID.unspecified)
            starts.append(bytes.count)
            lengths.append(try length(value.utf8.count))
            formats.append(Self.textFormat)
            bytes.append(contentsOf: value.utf8)
            bytes.append(0)
        case .bool(let value): try scalar(TypeOID.bool) { $0.put(value) }
        case .int2(let value): try scalar(TypeOID.int2) { $0.put(value) }
        case .int4(let value): try scalar(TypeOID.int4) { $0.put(value) }
        case .int8(let value): try scalar(TypeOID.int8) { $0.put(value) }
        case .float8(let value): try scalar(TypeOID.float8) { $0.put(value.bitPattern) }
        case .bytea(let value): try scalar(TypeOID.bytea) { $0.put(value) }
        case .jsonb(let value):
            try refuseNUL(value)
            try scalar(TypeOID.jsonb) { $0.put(jsonb: value) }
        case .timestamptz(let value):
            let ticks = try ticks(value)
            try scalar(TypeOID.timestamptz) { $0.put(ticks) }
        case .boolArray(let values): try array(TypeOID.boolArray, TypeOID.bool, values) { $0.put($1) }
        case .int2Array(let values): try array(TypeOID.int2Array, TypeOID.int2, values) { $0.put($1) }
        case .int4Array(let values): try array(TypeOID.int4Array, TypeOID.int4, values) { $0.put($1) }
        case .int8Array(let values): try array(TypeOID.int8Array, TypeOID.int8, values) { $0.put($1) }
        case .byteaArray(let values): try array(TypeOID.byteaArray, TypeOID.bytea, values) { $0.put($1) }
        case .textArray(let values):
            for value in values { if let value { try refuseNUL(value) } }
            try array(TypeOID.textArray, TypeOID.text, values) { $0.put(text: $1) }
        case .jsonbArray(let values):
            for value in values { if let value { try refuseNUL(value) } }
            try array(TypeOID.jsonbArray, TypeOID.jsonb, values) { $0.put(jsonb: $1) }
        case .timestamptzArray(let values):
            var ticks: [Int64?] = []
            for value in values { ticks.append(try value.map { value throws(Unsendable) in try self.ticks(value) }) }
            try array(TypeOID.timestamptzArray, TypeOID.timestamptz, ticks) { $0.put($1) }
        case .tidArray(let values):
            try array(TypeOID.tidArray, TypeOID.tid, values) {
                $0.put($1.block)
                $0.put($1.offset)
            }
        }
    }

    private mutating func scalar(_ type: UInt32, _ write: (inout [UInt8]) -> Void) throws(Unsendable) {
        let start = bytes.count
        write(&bytes)
        types.append(type)
        starts.append(start)
        lengths.append(try length(bytes.count - start))
        formats.append(Self.binaryFormat)
        // Keeps the buffer from being empty when the value is.
        bytes.append(0)
    }

    /// PostgreSQL's binary array of one dimension: dimensions, has-null flag, element type, length, lower bound, elements.
    private mutating func array<Element>(
        _ type: UInt32, _ elementType: UInt32, _ elements: [Element?], _ write: (inout [UInt8], Element) -> Void
    ) throws(Unsendable) {
        guard let count = Int32(exactly: elements.count) else { throw Unsendable(why: "has too many elements") }
        try scalar(type) { bytes in
            bytes.put(Int32(elements.isEmpty ? 0 : 1))
            bytes.put(Int32(elements.contains { $0 == nil } ? 1 : 0))
            bytes.put(elementType)
            guard !elements.isEmpty else { return }
            bytes.put(count)
            bytes.put(Int32(1))
            for element in elements {
                guard let element else {
                    bytes.put(Int32(-1))
                    continue
                }
                let start = bytes.count
                bytes.put(Int32(0))
                write(&bytes, element)
                // An element over 2 GiB makes a value over 2 GiB, which `length` refuses.
                bytes.set(Int32(truncatingIfNeeded: bytes.count - start - 4), at: start)
            }
        }
    }

    private func length(_ count: Int) throws(Unsendable) -> Int32 {
        guard let length = Int32(exactly: count) else { throw Unsendable(why: "is longer than PostgreSQL takes") }
        return length
    }

    private func refuseNUL(_ text: String) throws(Unsendable) {
        if text.hasNUL {
            throw Unsendable(why: "has a NUL character, which PostgreSQL cannot keep in text; send it as bytea")
        }
    }

    private func ticks(_ time: Timestamp) throws(Unsendable) -> Int64 {
        let (ticks, overflow) = time.unixMicroseconds.subtractingReportingOverflow(TypeOID.epoch2000)
        // The two ends of the scale are PostgreSQL's infinities.
        guard !overflow, ticks != .min, ticks != .max else { throw Unsendable(why: "is outside timestamptz") }
        return ticks
    }
}

extension String {
    /// Whether it has the character NUL. Asked of every text that is sent, so it looks for it as C does.
    fileprivate var hasNUL: Bool {
        utf8.withContiguousStorageIfAvailable { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
        } ?? utf8.contains(0)
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ value: Bool) { append(value ? 1 : 0) }

    fileprivate mutating func put(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func put(_ value: [UInt8]) { append(contentsOf: value) }
    fileprivate mutating func put(text: String) { append(contentsOf: text.utf8) }

    fileprivate mutating func put(jsonb: String) {
        append(1)  // the version of jsonb's binary form
        append(contentsOf: jsonb.utf8)
    }

    fileprivate mutating func set(_ value: Int32, at start: Int) {
        for (offset, shift) in [24, 16, 8, 0].enumerated() {
            self[start + offset] = UInt8(truncatingIfNeeded: value >> Int32(shift))
        }
    }
}
