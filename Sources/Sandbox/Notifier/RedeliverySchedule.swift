/// When a notification that was not acknowledged comes again.
public struct RedeliverySchedule: Sendable, Hashable {
    /// Pauses between deliveries; after the last one the platform gives up.
    public var gaps: [Duration]

    public init(gaps: [Duration]) { self.gaps = gaps }

    /// The documented schedule: eight deliveries in a little over a day.
    public static let alipay = RedeliverySchedule(
        gaps: [4, 10, 10, 60, 120, 360, 900].map { Duration.seconds($0 * 60) })

    /// One delivery and no more.
    public static let once = RedeliverySchedule(gaps: [])

    /// The same pause each time, for drills in which the receiver dies and comes back.
    public static func every(_ gap: Duration, times: Int) -> RedeliverySchedule {
        RedeliverySchedule(gaps: Array(repeating: gap, count: times))
    }

    /// The same schedule so many times faster: 1000 makes 240 ms of 4 minutes.
    public func compressed(by factor: Int) -> RedeliverySchedule {
        RedeliverySchedule(gaps: gaps.map { $0 / factor })
    }

    /// The pause after the given delivery (from 1), nil when there is none to come.
    func gap(after delivery: Int) -> Duration? {
        gaps.indices.contains(delivery - 1) ? gaps[delivery - 1] : nil
    }
}
