extension Row {
    /// Lends the row's values as they came, for who copies them somewhere else anyway.
    ///
    /// - Parameter body: must not keep what it reads: the memory may be gone when it returns.
    public func withBytes(_ body: (RowBytes) throws -> Void) rethrows {
        try withExtendedLifetime(rows) { try body(RowBytes(rows: rows, index: index)) }
    }
}

/// The values of one row in libpq's memory, by their position from 0; nil for NULL.
///
/// Reading fails with ``PostgresError/Code/decoding`` when the column is not there or is of another type.
public struct RowBytes {
    let rows: Rows
    let index: Int

    public func bytea(_ column: Int) throws(PostgresError) -> UnsafeRawBufferPointer? {
        try bytes(column, "bytea") { $0 == TypeOID.bytea }
    }

    /// The UTF-8 bytes of a column of text.
    public func text(_ column: Int) throws(PostgresError) -> UnsafeRawBufferPointer? {
        try bytes(column, "text") { $0 == TypeOID.text || $0 == TypeOID.varchar }
    }

    @inline(__always)
    private func bytes(
        _ column: Int, _ wanted: String, _ fits: (UInt32) -> Bool
    ) throws(PostgresError) -> UnsafeRawBufferPointer? {
        guard rows.columnTypes.indices.contains(column) else {
            throw PostgresError(.decoding, "the result has no column \(column)")
        }
        guard fits(rows.columnTypes[column]) else {
            throw PostgresError(
                .decoding, "column \(column) \(Undecodable.type(rows.columnTypes[column], wanted: wanted).why)")
        }
        return rows.bytes(row: index, column: column)
    }
}
