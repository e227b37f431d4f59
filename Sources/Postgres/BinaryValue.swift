/// Why a value could not be read; completes the sentence "column x …".
struct Undecodable: Error {
    let why: String

    static func type(_ type: UInt32, wanted: String) -> Undecodable {
        Undecodable(why: "has type \(type), which is not \(wanted); cast it in the statement")
    }
}

/// Decodes PostgreSQL's binary form of its types (`…_send` in `src/backend/utils/adt`), integers in network order.
///
/// Lengths are checked though they come from the server: a proxy, or a wrong assumption of ours, must not crash us.
enum BinaryValue {
    static func bool(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> Bool {
        guard type == TypeOID.bool, bytes.count == 1 else { throw .type(type, wanted: "bool") }
        return bytes[0] != 0
    }

    /// Any of the server's integers that fits.
    static func integer<I: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ type: UInt32
    ) throws(Undecodable) -> I {
        let wide: Int64
        switch (type, bytes.count) {
        case (TypeOID.int8, 8), (TypeOID.xid8, 8): wide = Int64(bitPattern: unsigned(bytes))
        case (TypeOID.int4, 4): wide = Int64(Int32(truncatingIfNeeded: unsigned(bytes)))
        case (TypeOID.oid, 4): wide = Int64(UInt32(truncatingIfNeeded: unsigned(bytes)))
        case (TypeOID.int2, 2): wide = Int64(Int16(truncatingIfNeeded: unsigned(bytes)))
        default: throw .type(type, wanted: "an integer")
        }
        // The type is compared, not the value: a column that is too wide must fail at once, not with the first big row.
        guard bytes.count <= I.bitWidth / 8, let value = I(exactly: wide) else {
            throw Undecodable(why: "is an integer of \(bytes.count * 8) bits, more than the \(I.bitWidth) asked for")
        }
        return value
    }

    static func tid(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> TupleID {
        guard type == TypeOID.tid, bytes.count == 6 else { throw .type(type, wanted: "tid") }
        let all = unsigned(bytes)
        return TupleID(block: UInt32(truncatingIfNeeded: all >> 16), offset: UInt16(truncatingIfNeeded: all))
    }

    static func float8(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> Double {
        guard type == TypeOID.float8, bytes.count == 8 else { throw .type(type, wanted: "float8") }
        return Double(bitPattern: unsigned(bytes))
    }

    static func bytea(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> [UInt8] {
        guard type == TypeOID.bytea else { throw .type(type, wanted: "bytea") }
        return Array(bytes)
    }

    static func timestamptz(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> Timestamp {
        guard type == TypeOID.timestamptz, bytes.count == 8 else { throw .type(type, wanted: "timestamptz") }
        let ticks = Int64(bitPattern: unsigned(bytes))
        let (time, overflow) = ticks.addingReportingOverflow(TypeOID.epoch2000)
        guard !overflow, ticks != .min else { throw Undecodable(why: "is infinite") }
        return Timestamp(unixMicroseconds: time)
    }

    static func json(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> String {
        guard type == TypeOID.jsonb || type == TypeOID.json else { throw .type(type, wanted: "jsonb") }
        return try text(bytes, type)
    }

    static func text(_ bytes: UnsafeRawBufferPointer, _ type: UInt32) throws(Undecodable) -> String {
        switch type {
        case TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.char, TypeOID.unknown, TypeOID.json,
            TypeOID.void:
            return try utf8(bytes)
        case TypeOID.jsonb:
            guard bytes.first == 1 else { throw Undecodable(why: "is jsonb of an unknown version") }
            return try utf8(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
        case TypeOID.uuid where bytes.count == 16:
            return uuid(bytes)
        case TypeOID.firstUserDefined...:
            return try utf8(bytes)
        default:
            throw .type(type, wanted: "text")
        }
    }

    /// The elements of a one-dimensional array, none of them NULL.
    static func array<Element>(
        _ bytes: UnsafeRawBufferPointer, _ type: UInt32,
        _ element: (UnsafeRawBufferPointer, UInt32) throws(Undecodable) -> Element
    ) throws(Undecodable) -> [Element] {
        // dimensions, has-null flag, element type; then length and lower bound of each dimension
        guard bytes.count >= 12 else { throw .type(type, wanted: "an array") }
        let dimensions = int4(bytes, at: 0)
        let elementType = UInt32(bitPattern: int4(bytes, at: 8))
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.count >= 20 else { throw .type(type, wanted: "an array of one dimension") }
        let count = int4(bytes, at: 12)
        var elements: [Element] = []
        var position = 20
        for _ in 0..<max(0, count) {
            guard bytes.count - position >= 4 else { throw Undecodable(why: "is a truncated array") }
            let length = int4(bytes, at: position)
            position += 4
            guard length >= 0 else { throw Undecodable(why: "is an array with a NULL element") }
            guard bytes.count - position >= Int(length) else { throw Undecodable(why: "is a truncated array") }
            elements.append(
                try element(UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(length)]), elementType))
            position += Int(length)
        }
        return elements
    }

    private static func int4(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Int32 {
        Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self))
    }

    private static func unsigned(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func utf8(_ bytes: UnsafeRawBufferPointer) throws(Undecodable) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Undecodable(why: "is not UTF-8") }
        return text
    }

    private static func uuid(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return text
    }
}
