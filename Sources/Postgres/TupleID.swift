/// Where a version of a row lies in its table: PostgreSQL's `ctid`.
///
/// It names the row for as long as that version is the newest and visible, which is certain only in the transaction that has
/// locked the row; afterwards it names nothing, or another row.
public struct TupleID: Sendable, Hashable {
    public let block: UInt32
    /// Counted from 1.
    public let offset: UInt16

    public init(block: UInt32, offset: UInt16) {
        self.block = block
        self.offset = offset
    }
}
