import NIOCore

/// Since when nothing was heard of a peer. Only whole parts of a message count: bytes that add up to none are no sign of life.
struct Idleness {
    private(set) var since = NIODeadline.now()
    /// Whether the read under way has brought a part.
    var hasPart = false
    var timer: Scheduled<Void>?

    mutating func isActive() { since = .now() }

    mutating func readIsComplete() {
        if hasPart { since = .now() }
        hasPart = false
    }
}
