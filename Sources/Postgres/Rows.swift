import CLibPQ

/// The rows that a statement returned, and what the server said about it.
///
/// Values stay in libpq's memory and are decoded when they are read; the memory is freed with the last reference.
public final class Rows: Sendable {
    // A PGresult is never changed after libpq hands it over, and its accessors only read; so threads may share it.
    nonisolated(unsafe) private let result: OpaquePointer

    /// The columns' names, in order.
    public let columnNames: [String]
    let columnTypes: [UInt32]
    public let count: Int

    /// Rows inserted, updated, deleted, merged or selected, as the command's tag says; 0 for other commands.
    public let affected: Int

    /// What the server said while the statement (of a pipeline: the whole pipeline) ran.
    public let notices: [Notice]

    /// Takes over `result` and frees it at the end.
    init(_ result: OpaquePointer, notices: [Notice] = []) {
        self.result = result
        let columns = 0..<PQnfields(result)
        columnNames = columns.map { column in PQfname(result, column).map { String(cString: $0) } ?? "" }
        columnTypes = columns.map { PQftype(result, $0) }
        count = Int(PQntuples(result))
        affected = Int(String(cString: PQcmdTuples(result))) ?? 0
        self.notices = notices
    }

    deinit {
        PQclear(result)
    }

    /// The bytes of one value, nil for NULL. The caller has checked both bounds.
    func bytes(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        guard PQgetisnull(result, Int32(row), Int32(column)) == 0 else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(result, Int32(row), Int32(column)),
            count: Int(PQgetlength(result, Int32(row), Int32(column))))
    }
}

extension Rows: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    public subscript(index: Int) -> Row {
        precondition(indices.contains(index), "row \(index) of \(count)")
        return Row(rows: self, index: index)
    }
}
