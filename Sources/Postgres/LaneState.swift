/// Who has and who waits for the connections of one lane. Pure: the pool carries out what it decides.
struct LaneState {
    /// A place for one connection; the connection is made when the place is first used, and again when it broke.
    struct Slot {
        let number: Int
        var connection: Connection?
        var backoff = Backoff()
    }

    let size: Int
    private(set) var idle: [Slot]
    private var waiters: [(ticket: UInt64, continuation: CheckedContinuation<Slot, any Error>)] = []
    /// What holders who only wait want to be told by, when somebody else waits for what they hold.
    private(set) var recalls: [Int: @Sendable () -> Void] = [:]
    private var nextTicket: UInt64 = 0
    private(set) var isClosed = false

    init(size: Int) {
        self.size = size
        idle = (0..<size).map { Slot(number: $0) }
    }

    var inUse: Int { size - idle.count }
    var waiting: Int { waiters.count }

    /// The slot used last, so that the others' connections stay unopened while one is enough.
    mutating func take() -> Slot? {
        isClosed || !waiters.isEmpty ? nil : idle.popLast()
    }

    mutating func newTicket() -> UInt64 {
        nextTicket += 1
        return nextTicket
    }

    enum Queued {
        case waiting
        case now(Slot)
        case closed
        case cancelled
    }

    /// Queues a waiter, unless a slot came free since ``take()``.
    mutating func wait(_ ticket: UInt64, _ continuation: CheckedContinuation<Slot, any Error>) -> Queued {
        if isClosed { return .closed }
        if let slot = take() { return .now(slot) }
        waiters.append((ticket, continuation))
        return .waiting
    }

    /// The holder of a slot can do without it: `recall` is called whenever somebody has to wait.
    mutating func lend(_ slot: Slot, recalledBy recall: @escaping @Sendable () -> Void) {
        recalls[slot.number] = recall
    }

    /// The waiter's continuation, for the one who takes it out of the queue.
    mutating func leave(_ ticket: UInt64) -> CheckedContinuation<Slot, any Error>? {
        guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        return waiters.remove(at: index).continuation
    }

    enum Returned {
        case handOver(CheckedContinuation<Slot, any Error>)
        case kept
        case close
    }

    /// A slot comes back: to the one who waits longest, else to the idle ones.
    mutating func giveBack(_ slot: Slot) -> Returned {
        recalls[slot.number] = nil
        if isClosed {
            idle.append(Slot(number: slot.number))
            return .close
        }
        guard waiters.isEmpty else { return .handOver(waiters.removeFirst().continuation) }
        idle.append(slot)
        return .kept
    }

    /// Nobody is served any more.
    mutating func close() -> (waiters: [CheckedContinuation<Slot, any Error>], connections: [Connection]) {
        isClosed = true
        let result = (waiters.map(\.continuation), idle.compactMap(\.connection))
        waiters = []
        idle = idle.map { Slot(number: $0.number) }
        return result
    }
}
