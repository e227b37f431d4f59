import Synchronization

/// The holds of one queue as this process knows them, so that a handler can answer `hold` for a job whose cause is known to
/// stand, without finding out for itself.
///
/// Its runner writes it, about once a second and with every hold that it commits; handlers read it. What it says may be a
/// second old: a hold too many or too few costs one more probe or one more call.
public final class HoldBoard: Sendable {
    /// A cause that stands in the way of every job under one key.
    public struct Entry: Sendable, Hashable {
        public let cause: String
        public let reason: String

        public init(cause: String, reason: String) {
            self.cause = cause
            self.reason = reason
        }
    }

    private let entries = Mutex<[String: Entry]>([:])

    public init() {}

    /// The hold that stands under `key`; nil when there is none, or when it was lifted and its jobs are going back.
    public func standing(_ key: String) -> Entry? { entries.withLock { $0[key] } }

    /// All that stands, by key. For whoever works on a queue without a ``JobRunner``, which does it by itself.
    public func replace(_ all: [String: Entry]) { entries.withLock { $0 = all } }

    /// A hold that was committed just now.
    func add(_ key: String, _ entry: Entry) { entries.withLock { $0[key] = entry } }
}
