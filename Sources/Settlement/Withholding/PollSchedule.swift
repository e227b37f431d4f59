/// When an order is asked about again: often while it is young, ever more seldom with its age.
///
/// The waits of `withholding.poll_schedule` follow one another over the order's age, and the last one repeats: with 30 s, 2 m
/// and 10 m an order is asked about at 0 s, 30 s, 2½ m, 12½ m, 22½ m and so on. The place in the schedule follows from the age
/// alone, so that a ban, a restart or a failure does not start it again.
public struct PollSchedule: Sendable, Hashable {
    public let waits: [Duration]

    /// - Parameter waits: at least one; with none, an hour.
    public init(_ waits: [Duration]) {
        self.waits = waits.isEmpty ? [.seconds(3600)] : waits
    }

    /// The wait after a poll at `age`, a tenth longer at most, so that orders that were added together drift apart.
    ///
    /// - Parameter jitter: a random number in 0..<1.
    public func wait(at age: Duration, jitter: Double) -> Duration {
        var reached = Duration.zero
        for wait in waits.dropLast() {
            reached += wait
            if age < reached { return wait * (1 + jitter / 10) }
        }
        return (waits.last ?? .seconds(3600)) * (1 + jitter / 10)
    }
}
