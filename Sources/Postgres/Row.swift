/// One row. A value is read by the column's position (from 0) or name, in the Swift type that the caller expects.
///
/// Reading fails with ``PostgresError/Code/decoding`` when the column is not there, is of another type, or is NULL
/// (ask with the `…OrNil` form where NULL is possible). Types that have no accessor are cast to text in the statement.
public struct Row: Sendable {
    public let rows: Rows
    public let index: Int
}

/// Names a column: an `Int` counts from 0, a `String` is its name in the result, in the exact letters.
public protocol ColumnReference: Sendable {
    func position(in rows: Rows) -> Int?
}

extension Int: ColumnReference {
    public func position(in rows: Rows) -> Int? { rows.columnNames.indices.contains(self) ? self : nil }
}

extension String: ColumnReference {
    public func position(in rows: Rows) -> Int? { rows.columnNames.firstIndex(of: self) }
}

extension Row {
    public func bool(_ column: some ColumnReference) throws(PostgresError) -> Bool {
        try value(column, BinaryValue.bool)
    }
    public func boolOrNil(_ column: some ColumnReference) throws(PostgresError) -> Bool? {
        try valueOrNil(column, BinaryValue.bool)
    }

    public func int2(_ column: some ColumnReference) throws(PostgresError) -> Int16 {
        try value(column, BinaryValue.integer)
    }
    public func int2OrNil(_ column: some ColumnReference) throws(PostgresError) -> Int16? {
        try valueOrNil(column, BinaryValue.integer)
    }

    /// An int4, or an int2 widened.
    public func int4(_ column: some ColumnReference) throws(PostgresError) -> Int32 {
        try value(column, BinaryValue.integer)
    }
    public func int4OrNil(_ column: some ColumnReference) throws(PostgresError) -> Int32? {
        try valueOrNil(column, BinaryValue.integer)
    }

    /// An int8, or a smaller integer, oid or xid8 widened.
    public func int8(_ column: some ColumnReference) throws(PostgresError) -> Int64 {
        try value(column, BinaryValue.integer)
    }
    public func int8OrNil(_ column: some ColumnReference) throws(PostgresError) -> Int64? {
        try valueOrNil(column, BinaryValue.integer)
    }

    public func float8(_ column: some ColumnReference) throws(PostgresError) -> Double {
        try value(column, BinaryValue.float8)
    }
    public func float8OrNil(_ column: some ColumnReference) throws(PostgresError) -> Double? {
        try valueOrNil(column, BinaryValue.float8)
    }

    /// text, varchar, char, name, an enum's label, json or jsonb as text, or a uuid in its usual form.
    public func text(_ column: some ColumnReference) throws(PostgresError) -> String {
        try value(column, BinaryValue.text)
    }
    public func textOrNil(_ column: some ColumnReference) throws(PostgresError) -> String? {
        try valueOrNil(column, BinaryValue.text)
    }

    public func bytea(_ column: some ColumnReference) throws(PostgresError) -> [UInt8] {
        try value(column, BinaryValue.bytea)
    }
    public func byteaOrNil(_ column: some ColumnReference) throws(PostgresError) -> [UInt8]? {
        try valueOrNil(column, BinaryValue.bytea)
    }

    public func timestamptz(_ column: some ColumnReference) throws(PostgresError) -> Timestamp {
        try value(column, BinaryValue.timestamptz)
    }
    public func timestamptzOrNil(_ column: some ColumnReference) throws(PostgresError) -> Timestamp? {
        try valueOrNil(column, BinaryValue.timestamptz)
    }

    /// A `ctid`.
    public func tid(_ column: some ColumnReference) throws(PostgresError) -> TupleID {
        try value(column, BinaryValue.tid)
    }

    /// The JSON text of a jsonb or json column.
    public func jsonb(_ column: some ColumnReference) throws(PostgresError) -> String {
        try value(column, BinaryValue.json)
    }
    public func jsonbOrNil(_ column: some ColumnReference) throws(PostgresError) -> String? {
        try valueOrNil(column, BinaryValue.json)
    }

    /// A one-dimensional int8[] (or of smaller integers) without NULL elements.
    public func int8Array(_ column: some ColumnReference) throws(PostgresError) -> [Int64] {
        try value(column) { bytes, type throws(Undecodable) in
            try BinaryValue.array(bytes, type, BinaryValue.integer)
        }
    }
    public func int8ArrayOrNil(_ column: some ColumnReference) throws(PostgresError) -> [Int64]? {
        try valueOrNil(column) { bytes, type throws(Undecodable) in
            try BinaryValue.array(bytes, type, BinaryValue.integer)
        }
    }

    /// A one-dimensional array of text, or of anything that ``text(_:)`` reads, without NULL elements.
    public func textArray(_ column: some ColumnReference) throws(PostgresError) -> [String] {
        try value(column) { bytes, type throws(Undecodable) in
            try BinaryValue.array(bytes, type, BinaryValue.text)
        }
    }
    public func textArrayOrNil(_ column: some ColumnReference) throws(PostgresError) -> [String]? {
        try valueOrNil(column) { bytes, type throws(Undecodable) in
            try BinaryValue.array(bytes, type, BinaryValue.text)
        }
    }

    public func isNull(_ column: some ColumnReference) throws(PostgresError) -> Bool {
        try valueOrNil(column) { _, _ in true } == nil
    }

    // These two must become part of each accessor: there the type of the value is known, here it would have to be looked
    // up at run time, for every value.
    @inline(__always)
    private func value<T>(
        _ column: some ColumnReference, _ decode: (UnsafeRawBufferPointer, UInt32) throws(Undecodable) -> T
    ) throws(PostgresError) -> T {
        guard let value = try valueOrNil(column, decode) else {
            throw PostgresError(.decoding, "column \(column) is NULL where a value is needed")
        }
        return value
    }

    @inline(__always)
    private func valueOrNil<T>(
        _ column: some ColumnReference, _ decode: (UnsafeRawBufferPointer, UInt32) throws(Undecodable) -> T
    ) throws(PostgresError) -> T? {
        guard let position = column.position(in: rows) else {
            throw PostgresError(.decoding, "the result has no column \(column)")
        }
        guard let bytes = rows.bytes(row: index, column: position) else { return nil }
        do throws(Undecodable) {
            return try decode(bytes, rows.columnTypes[position])
        } catch {
            throw PostgresError(.decoding, "column \(column) \(error.why)")
        }
    }
}
